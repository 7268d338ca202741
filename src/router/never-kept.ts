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
approve
approved
b
both
c
continue
correct
d
do it
exactly
excellent
fair enough
fine
fix it
go
go ahead
go on
good
great
help
help me
here
it
k
lgtm
looks good
makes sense
me too
n
nah
next
no
none
nope
nothing
ok
okay
of course
perfect
please
proceed
right
same here
sounds good
start
stop
sure
that
that makes sense
that one
there
this
this one
undo
undo that
whatever
why
y
yeah
yep
yes
yup
ja
nein
doch
genau
weiter
gut
passt
oui
non
d'accord
si
sí
sì
vale
claro
sim
não
nee
tak
nie
dobrze
да
нет
хорошо
так
ні
добре
evet
hayır
tamam
نعم
لا
כן
לא
हाँ
नहीं
ठीक है
是
是的
不
好
好的
可以
行
对
はい
いいえ
うん
네
예
아니요
좋아
vâng
không
ใช่
ไม่
ครับ
ค่ะ
ya
tidak
ναι
όχι
ano
ne
áno
nej
nei
kyllä
joo
ei
da
nu
igen
nem
بله
نه
не
jah
taip
jā
nē
`
    .trim()
    .split("\n"),
);
