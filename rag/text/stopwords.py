"""English words that say nothing by themselves, as sets for each use. The one place for such lists.

`FUNCTION_WORDS` are in both `STOP_WORDS` and `NO_NAMES`. The openers of sentences and questions are lists of their
own: a word may open a sentence and still be part of a name.
"""

ARTICLES = frozenset(("a", "an", "the"))
FUNCTION_WORDS = frozenset(
    """a about after all also an and any are as at be because been before between both but by can could did do does
    during each for from had has have he her here him his how i if in into is it its may me more most my no nor not of
    off on one only or other our out over she should so some such than that the their them then there these they this
    those through to too under up us was we were what when where which while who whom whose why will with would you
    your""".split()
)
# no content: what is left out where the words of two texts are compared
STOP_WORDS = FUNCTION_WORDS | frozenset(
    """above according again although am answer based being cannot doing done either else even ever few further having
    hers herself himself however itself just might much must neither now once ours own passage passages per question
    same shall since theirs themselves thus until upon very whether within without yes yet yours""".split()
)
# what questions are made of, whatever they are about: no passage has to repeat it
COMMON_WORDS = STOP_WORDS | frozenset(
    """able access actually add allow allowed always amount another answer anyone anything apply area around ask asked
    available away back bad bag begin best better big bring brought build built buy call called came cannot case cause
    certain change check choose city close come comes common company compare complete contain contains cost could count
    country create current currently cut date day days deal decide define depend describe different difference does
    doesn don due early easy eight end enough event everyone everything exact exactly example exist expect explain fact
    far fast few find first five follow following form found four full gave general get gets getting give given gives
    go goes going gone good got great group grow half handle happen happened happening happens hard held help hold hour
    hours important include includes including instead involve issue item job keep kept kind know known knows laid large
    last late later latest lay lead least leave left less let level like likely limit list little live located location
    long longer look lose lost lot low made main make makes making man many matter max maximum mean means meant mention
    mentioned minimum minute minutes money month months move much name named names near need needed needs never next
    nine normal nothing number occur often ok old onto open option order others overall own paid part people percent
    perform perhaps period person place plan please point possible previous probably problem process provide purpose put
    quick quickly quite rather reach read real really reason receive recent regarding related require required result
    right role rule rules run said save say says second seconds see seem seen send sent set seven several show shown
    side similar simple six size small somebody someone something soon sort speak specific spend stand start started
    state stay step steps still stop such take taken takes talk tell ten term than thing things think third three time
    times today together told took total toward try turn two type types typical typically understand unless upon use
    used uses using usual usually value various version via want wants way ways week weeks well went whatever whenever
    wherever whole wish within without won word words work worked working works worth wrong year years yet zero
    approximately approx everybody somewhere anywhere nobody none thanks hi hello""".split()
)
# no name by themselves, and no end of one
NO_NAMES = FUNCTION_WORDS | {"s", "t", "two"}
# titles and headings that any document may have: no name to link by
COMMON_HEADINGS = frozenset(
    """abstract appendix background biography career changelog conclusion configuration contents data default
    description details document documentation example examples faq features file general history home index info
    initialization installation instructions intro introduction key life main method methods name new next note notes
    options overview page parameters plot prerequisites production readme reception reference references related release
    requirements results section setup sheet1 slide summary table test text title todo untitled usage""".split()
) | {
    *("additional features", "additional references", "basic usage", "early life", "external links", "further reading"),
    *("getting started", "key features", "next steps", "personal life", "quick start", "related work", "see also"),
}
# what begins a sentence in English after an abbreviation that may have ended the one before
SENTENCE_OPENERS = frozenset(
    """a after all also although an and as at because before but by during each even every first for from he her his
    how however i if in it its later many most my no now on one our she since so some such that the their then there
    these they this those though to today two under until we what when where which while who why with you""".split()
)
# what begins a question with a capital and is no name
QUESTION_OPENERS = frozenset(
    """a an and are at but by can could did do does for from had has have he her his how if in is it its no of on or
    she should that the their then these they this those to was were what when where which who whom whose why will with
    would yes""".split()
)
