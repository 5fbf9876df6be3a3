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
# of questions in other languages: they say nothing of what is asked about
FOREIGN_WORDS = {
    language: frozenset(words.split())
    for language, words in {
        "de": """aber als am an auch auf aus bei beim bis da das dass dem den denn der des die dies diese diesem
            diesen dieser dieses dort du durch ein eine einem einen einer eines er es für gegen gibt haben hat
            hatte hatten ich ihr ihre im in innerhalb ist jede jeder jedes kann können lang lange man mehr mein
            mit muss müssen nach nicht noch nur ob oder ohne sein seine sich sie sind so soll sollte stehen
            steht über um und uns unser unter viel viele vielen vom von vor wann war waren warum was wegen
            welche welchem welchen welcher welches wem wen wenn wer werden weshalb wie wieso wird wo wofür wohin
            womit woran worauf wurde wurden zu zum zur zwischen""",
        "fr": """à au aux avec avant après ce ces cet cette combien comme comment dans de des depuis donc du elle
            elles en entre est et eu faire faut fut ils il je la le les leur lors lui mais même mon ne nous on
            ont ou où par pas pendant peut plus pour pourquoi qu quand que quel quelle quelles quels qui quoi sa
            sans se selon ses si son sont sous sur toute tout un une vers vous était étaient""",
        "es": """a al ante bajo con cómo como cual cuál cuáles cuales cuando cuándo cuánta cuántas cuánto cuántos de
            del desde donde dónde durante e el ella ellos en entre era eran es esa ese esta está están este fue
            fueron ha había han hasta hay la las le les lo los más mi muy no o para pero por porque puede que
            qué quién quiénes se según ser si sin sobre son su sus también tiene tienen un una uno unos y ya""",
        "it": """a ai al alla alle che chi come con cosa cui da dal dalla dei del della delle deve di dopo dove e è
            ed era erano fra gli ha hanno i il in la le lo ma nel nella no non o per perché più può prima qual
            quale quali quando quanta quante quanti quanto quello questa questo se senza si sono su sua sul suo
            tra un una uno""",
        "nl": """aan als bij dan dat de deze die dit door een en er had heeft het hoe hoeveel hun ik in is kan maar
            meer met moet na naar niet of om onder ook op over te tot uit van voor waar waarom wanneer wat welk
            welke werd wie worden wordt zijn zo zonder""",
        "pt": """a ao aos as até com como da das de do dos e é ela ele em entre era eram essa esse esta este foi
            foram há isso mais mas na nas não no nos o onde os ou para pela pelo pode por porque porquê qual
            quais quando quanta quantas quanto quantos que quê quem são se sem ser seu sob sobre sua também tem
            têm um uma""",
    }.items()
}
