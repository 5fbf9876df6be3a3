"""Abbreviations whose full stop ends no sentence, in the languages that documents are most often in. The one place.

English, German, French, Spanish, Russian and a few Italian, Dutch, Polish ones; folded, without their last full stop.
What stands here may be a word of another language, so short common words are left out. What it does not do: tell
languages apart.
"""

# titles, and what always leads on to something
ALWAYS = frozenset(
    """mr mrs ms dr prof st mt gen col capt lt sgt rev hon gov sen rep pres messrs e.g i.e cf vs viz al
    dipl ing z.b d.h u.a i.d.r i.s.d i.s.v i.v.m z.t o.g vgl sog bzw ggf evtl insb bspw geb u.ä
    mm mme mlle mgr p.ex ex c.-à-d
    sra srta dña ud uds p.ej
    dott bijv dhr mevr np tzn tj ul inż
    fa inkl exkl zzgl einschl
    ул пл пер просп обл акад проф доц им см ср т.е т.к т.н""".split()
)
MONTHS = frozenset(
    """jan feb mar apr jun jul aug sep sept oct nov dec jän mrz okt dez janv févr avr juil déc ene abr""".split()
)
# no end where a number follows
BEFORE_NUMBER = MONTHS | frozenset(
    """no nos nr fig figs eq eqs sec secs ch chap vol pp p art arts ca approx ver rfc ed tab
    abs ziff buchst bst abschn kap bd anl rn rdnr rz anm tz ziffn nrn
    núm pág págs cap apdo tel tél réf env aprox abb pos str
    стр рис гл табл ст корп кв тел""".split()
)
# an end only where a word follows that opens sentences
SOMETIMES = frozenset(
    """inc ltd co corp jr sr etc bros dept est hr ph.d a.m p.m usw s.o s.u n.chr v.chr
    др пр руб тыс млн млрд гг
    proc conf symp comm trans univ comput commun oper syst intl natl tech distrib softw sci""".split()
)
# what opens a German sentence, as `rag.text.stopwords.SENTENCE_OPENERS` does an English one
GERMAN_OPENERS = frozenset("der die das dies diese dieser dieses es er sie wir wenn bei ist sind wird ein eine".split())
# and a Russian one
RUSSIAN_OPENERS = frozenset("он она оно они это этот эта эти мы вы если когда при в на с по для как но и а".split())
# no end where a section sign follows: "gem. § 3"
BEFORE_SECTION = frozenset("gem lt i.s.v i.s.d entspr nach".split())
# German month names: "31. Dezember" is a date
GERMAN_MONTHS = frozenset(
    """januar jänner februar märz april mai juni juli august september oktober november dezember""".split()
)
# German words before an ordinal: "am 1. Werktag", "der 2. Abschnitt"
BEFORE_ORDINAL = frozenset("am beim bis dem den der des das die im vom zum zur ab seit jeder jedes".split())
