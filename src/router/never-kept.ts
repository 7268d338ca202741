// What the gate may never keep, as data: marks of code and of attempts to steer, and whole messages that answer or
// point at something the gate cannot see. It wins over the classifier and over the gate's model. Everything else is
// learned.

/** Found anywhere in a message. */
export const NEVER_WITHIN: readonly { pattern: RegExp; reason: string }[] = [
  { pattern: /[`$|{}\\;=]|<(?!3)|(?<!-)->|&&|\(\)|(?:^|\s)--?[a-z]/u, reason: "it holds code or a command" },
  { pattern: /(?:^|\s)[.~]?\/\w|\w\/\w+\/|\.\.\/|\b\w+\.[a-z]{2,4}\b(?!\.)/u, reason: "it holds a path or a file" },
  {
    pattern:
      /\[\/?\w+\]|\b(?:stay|escalate|classif\w*|ignore (?:all|any|the|previous|prior|every)|disregard|system prompt|system:|instructions?|jailbreak|pretend|hypothetical\w*)\b/u,
    reason: "it tries to steer the decision",
  },
];

/** Whole messages, in lower case and without what surrounds the words. */
export const NEVER_WHOLE: ReadonlySet<string> = new Set(
  `
a
absolutely
again
agreed
all
ano
approve
approved
b
both
both of them
c
c'est faux
claro
continue
correct
d
d'accord
da
das ist falsch
do it
dobrze
doch
doesn't work
ei
está errado
está mal
evet
exactly
excellent
fair enough
falsch
fine
fix it
genau
go
go ahead
go on
good
great
gut
hayır
help
help me
here
igen
incorrect
it
it doesn't work
it failed
it's broken
it's wrong
ja
jah
joo
jā
k
không
kyllä
lgtm
looks good
makes sense
me too
n
nah
ne
nee
nei
nein
neither
nej
nem
next
nie
no
non
none
nope
not quite
not right
not what i meant
not what i wanted
nothing
nu
não
nē
of course
ok
okay
once more
option a
option b
oui
passt
perfect
please
proceed
right
same here
si
sim
sounds good
start
still broken
stimmt nicht
stop
sure
sì
sí
taip
tak
tamam
that
that failed
that is wrong
that isn't right
that makes sense
that one
that's incorrect
that's not it
that's not right
that's not what i asked
that's not what i meant
that's not what i wanted
that's wrong
the first one
the other one
the second one
there
this
this is wrong
this one
tidak
try again
undo
undo that
vale
vâng
weiter
whatever
why
wrong
y
ya
yeah
yep
yes
yup
áno
ναι
όχι
да
добре
не
неверно
нет
ні
так
хорошо
это неправильно
כן
לא
بله
لا
نعم
نه
ठीक है
नहीं
हाँ
ครับ
ค่ะ
ใช่
ไม่
いいえ
うん
はい
不
可以
好
好的
对
是
是的
行
네
아니요
예
좋아
`
    .trim()
    .split("\n"),
);
