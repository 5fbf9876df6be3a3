"""Opposites: does a word of a statement say the reverse of one that the evidence has in its place?

A list of pairs of common English words, chosen by hand, and the rule that un-, in-, dis- and the like, and -less
against -ful, turn a word round. What it does not do: see that two sentences exclude each other without such a word.
"""

import re
from collections import defaultdict

from rag.answer.roots import find_root
from rag.answer.terms import Term

_PAIRS = """accept/reject accept/refuse accept/decline admit/deny confirm/deny allow/forbid allow/prohibit
permit/forbid permit/prohibit allow/ban allow/prevent advance/retreat agree/disagree ancient/modern appear/disappear
arrive/leave arrive/depart ascend/descend attach/detach attack/defend attract/repel asleep/awake alive/dead living/dead
absent/present absence/presence abstract/concrete accelerate/decelerate active/passive active/inactive
actively/passively add/remove add/subtract adult/child amateur/professional analog/digital artificial/natural
automatic/manual backward/forward bad/good badly/well beautiful/ugly begin/end begin/finish begin/stop start/end
start/finish start/stop beginning/end beginning/ending opening/closing big/little big/small best/worst better/worse
birth/death born/died black/white bottom/top boy/girl bright/dark broad/narrow brother/sister build/demolish
build/destroy buy/sell central/peripheral cheap/expensive clean/dirty clear/cloudy clockwise/anticlockwise close/open
shut/open closed/open closest/farthest nearest/farthest near/far cold/hot cold/warm cool/warm common/rare
commonly/rarely often/rarely often/seldom frequently/rarely usually/rarely complex/simple complicated/simple
connect/disconnect continue/stop continue/cease convict/acquit convicted/acquitted correct/wrong correct/incorrect
right/wrong create/destroy curved/straight dangerous/safe dark/light daughter/son day/night daytime/nighttime
decrease/increase decline/increase decline/grow decline/rise decline/improve drop/rise drop/increase fall/rise
fall/increase fall/grow decrease/grow decrease/rise shrink/grow shrink/expand reduce/increase reduce/raise
reduce/expand contract/expand deep/shallow defeat/victory defensive/offensive deny/approve approve/reject
approve/oppose oppose/support oppose/favor deposit/withdraw different/same different/identical similar/different
difficult/easy hard/easy hard/soft direct/indirect discourage/encourage domestic/foreign domestic/international
local/national local/global national/international downstream/upstream downward/upward downwards/upwards down/up
dry/wet dry/humid early/late earlier/later earliest/latest east/west eastern/western eastward/westward
northeast/southwest northwest/southeast north/south northern/southern northward/southward empty/full enable/disable
enemy/ally enter/exit enter/leave even/odd employ/dismiss hire/fire exclude/include excluding/including
exclusive/inclusive explicit/implicit export/import exterior/interior external/internal extinct/extant fail/succeed
fail/pass failure/success unsuccessful/successful false/true fast/slow faster/slower quick/slow quickly/slowly
rapid/slow rapidly/slowly fat/thin father/mother female/male feminine/masculine few/many fewer/more less/more
least/most fewest/most fewest/largest final/first final/initial finally/initially first/last first/second first/third
foe/friend follow/precede following/preceding former/latter former/current former/future formerly/currently fresh/stale
freeze/melt front/back front/rear future/past gain/lose gain/loss general/specific general/particular gentle/rough
grandfather/grandmother guilty/innocent happy/sad harmful/harmless hate/love healthy/sick healthy/ill heavy/light
hidden/visible hide/reveal high/low higher/lower highest/lowest horizontal/vertical hostile/friendly human/animal
husband/wife indoor/outdoor indoors/outdoors inferior/superior inner/outer inside/outside inward/outward join/leave
join/separate junior/senior keep/discard king/queen prince/princess lady/gentleman land/sea large/small larger/smaller
largest/smallest major/minor majority/minority left/right legal/illegal lend/borrow lengthen/shorten liquid/solid
long/short longer/shorter longest/shortest lose/win loser/winner loss/profit loss/win loud/quiet lower/upper
lower/raise man/woman married/single married/divorced maximum/minimum maximal/minimal maximize/minimize mental/physical
military/civilian multiple/single narrow/wide negative/positive neutral/biased new/old nephew/niece noisy/quiet
offline/online old/young older/younger oldest/youngest elder/younger optimistic/pessimistic optional/mandatory
optional/required optional/compulsory mandatory/voluntary voluntary/compulsory ordinary/extraordinary parent/child
partial/complete partially/fully partly/wholly partly/fully partially/completely peace/war permanent/temporary
permanently/temporarily poor/rich poor/wealthy possible/impossible poverty/wealth powerful/weak praise/criticize
pre/post predecessor/successor private/public privately/publicly promote/demote protect/endanger pull/push
punish/reward pure/impure question/answer regular/irregular relax/tense remember/forget remain/leave rural/urban
rough/smooth sacred/secular religious/secular safe/unsafe save/spend save/waste secret/public shorter/taller short/tall
shortest/tallest simplify/complicate sink/float sit/stand sour/sweet bitter/sweet stable/unstable strengthen/weaken
strength/weakness strong/weak strongly/weakly student/teacher summer/winter sunrise/sunset dawn/dusk morning/evening
supply/demand surplus/deficit survive/die survive/perish thick/thin tight/loose tighten/loosen transparent/opaque
truth/lie uncle/aunt unite/divide unite/separate united/divided useful/useless valuable/worthless victory/loss
violent/peaceful widen/narrow wild/tame acquire/sell acute/chronic bear/bull ceiling/floor cause/prevent cure/cause
conceal/reveal conservative/liberal construct/demolish credit/debit employer/employee entrance/exit above/below
over/under before/after ever/never always/never always/sometimes all/some all/no all/none most/few on/off only/also
since/until some/no some/none inbound/outbound incoming/outgoing into/from plus/minus tropical/arctic uphill/downhill
upstairs/downstairs vowel/consonant antagonist/protagonist hero/villain host/guest host/visitor home/away
landlord/tenant buyer/seller lender/borrower plaintiff/defendant predator/prey ancestor/descendant master/servant
introvert/extrovert flammable/inflammable fertile/barren edible/poisonous toxic/harmless benign/malignant
contagious/harmless primary/secondary ascending/descending lowered/raised lowering/raising spoken/written live/recorded
live/prerecorded double/single aged/young comedy/tragedy hide/show generally/specifically past/present joint/separate
little/much follower/leader half/whole gather/spread direct/inverse downtown/uptown arrival/departure defense/offense
defence/offence defender/attacker entry/exit creditor/debtor divorce/marriage acceptance/rejection approval/rejection
growth/decline growth/decrease expansion/contraction income/expense inflow/outflow simple/compound heaven/hell
asset/liability brave/cowardly joy/sorrow hope/despair pleasure/pain friend/enemy laugh/cry whisper/shout sunny/rainy
cloudy/sunny humble/proud generous/selfish lazy/diligent polite/rude lost/saved lost/found other/same have/lack
has/lacks theoretical/practical theory/practice figurative/literal annual/perennial dominant/subordinate
dominant/recessive prosecution/defense prosecutor/defendant lowland/highland lowlands/highlands inland/coastal hit/miss
ignore/notice boil/freeze borrow/repay bride/groom ceasefire/war clever/stupid wise/foolish smart/stupid cruel/kind
curious/indifferent detailed/vague drunk/sober eager/reluctant willing/reluctant elementary/advanced basic/advanced
beginner/expert novice/expert finite/endless flexible/rigid freedom/slavery gradual/sudden gradually/suddenly
heroic/cowardly hunter/prey ignorance/knowledge increase/reduction increasingly/decreasingly insert/extract
inhale/exhale innocence/guilt laughter/tears lengthy/brief long/brief logical/absurd mountain/valley nice/nasty
nadir/zenith noon/midnight obey/disobey original/copy original/fake genuine/fake real/fake authentic/fake peak/trough
plural/singular prefix/suffix prose/verse rarely/regularly seldom/regularly reject/welcome relevant/unrelated
resist/surrender attack/retreat rising/setting rookie/veteran scatter/gather sell/purchase sold/purchased sharp/blunt
sharp/dull smooth/bumpy sorrow/happiness spicy/mild straight/crooked stretch/shrink strict/lenient subtract/multiply
divide/multiply sunken/raised surface/depth sustain/interrupt temporary/lasting tiny/huge tiny/enormous small/huge
small/enormous trust/doubt ugly/pretty vacant/occupied victory/failure villains/heroes virtue/vice warm/chilly
wholesale/retail win/failure spring/autumn spring/fall wholly/partially worse/improved young/elderly youth/adulthood"""
_TURNED = re.compile(
    r"(?:un|dis|non|mis|anti)(.{3,})|i[nmlr](.+(?:al|ar|le|ant|ent|ate|ete|ite|ive|ect|ure|ance|ence|ity|ly))"
)


def _read_pairs() -> dict[str, frozenset[str]]:
    pairs = defaultdict[str, set[str]](set)
    for pair in _PAIRS.split():
        one, other = (find_root(word) for word in pair.split("/"))
        if one != other:
            pairs[one].add(other)
            pairs[other].add(one)
    return {root: frozenset(others) for root, others in pairs.items()}


OPPOSITES = _read_pairs()


def is_opposite(one: Term, other: Term) -> bool:
    """Whether one word says the reverse of the other."""
    if "name" in (one.kind, other.kind) or one.root == other.root:
        return False
    if other.root in OPPOSITES.get(one.root, ()):
        return True
    for shorter, longer in (sorted((one.root, other.root), key=len), sorted((one.key, other.key), key=len)):
        if (turned := _TURNED.fullmatch(longer)) and shorter in turned.groups():
            return True
    ends = {(one.key[-4:], other.key[-3:]), (other.key[-4:], one.key[-3:])}
    return ("less", "ful") in ends and one.key[:4] == other.key[:4]
