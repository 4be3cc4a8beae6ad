"""What the small tokenizers and models are asked about."""

# What the small tokenizers take their vocabularies from, and what long texts are made of.
WORDS = """
The lighthouse keeper wrote down the weather every morning, and nobody ever read it. Vectors that point the same way
mean the same thing, or so we hope. She measured the kitchen twice, bought the table once, and it still did not fit.
A train left the station at nine; another one should have left, but its driver overslept. What is the difference
between a model that is wrong and a model that is late? Two rivers meet below the town, where the old bridge was
rebuilt in 1987. Der Leuchtturmwärter schrieb jeden Morgen das Wetter auf, und niemand las es. Die größte Brücke der
Stadt wurde früher gebaut als die Straße, die zu ihr führt. Le gardien du phare notait chaque matin le temps qu'il
faisait, même à Noël. El niño soñó con una montaña que cabía en la palma de su mano. O coração da cidade não fica no
mapa, mas na conversa das pessoas. Pociąg odjechał o dziewiątej, a żółta łódź została na brzegu. Смотритель маяка
каждое утро записывал погоду, и никто её не читал. Ο φύλακας του φάρου έγραφε κάθε πρωί τον καιρό και κανείς δεν τον
διάβαζε. Her sabah havayı yazan bekçi, İstanbul'da ışıkları söndürdü. Người gác hải đăng ghi lại thời tiết mỗi buổi
sáng. הרכבת יצאה בתשע ואנחנו נשארנו בתחנה. غادر القطار في الساعة التاسعة وبقينا في المحطة. ट्रेन नौ बजे चली गई और हम
स्टेशन पर रह गए। 火车九点开走了,我们还在车站。 電車は九時に出発しました。私たちは駅に残りました。 기차는 아홉 시에 떠났고 우리는 역에 남았다.
( ) [ ] { } < > : / = + * - # @ & % 0 1 2 3 4 5 6 7 8 9 A B C D E F G H I J K L M N O P Q R S T U V W X Y Z
""".split()

# Texts for every model. Invisible characters are written as escapes.
COMMON_TEXTS = [
    "The lighthouse keeper wrote down the weather every morning, and nobody ever read it.",
    "Is a model that answers late better than one that answers wrong? It depends: 3.5 ms or 35 minutes.",
    "Die größte Brücke der Stadt heißt seit 1987 \"Alte Brücke\"; STRASSE oder Straße, das ist egal.",
    "Où est la gare, s'il vous plaît ? L'hôtel est fermé à Noël.",
    "Поезд ушёл в девять часов, а МЫ остались на вокзале.",
    "Ο ΦΥΛΑΚΑΣ του φάρου έγραφε κάθε πρωί τον καιρό. ΟΔΟΣ",
    "İstanbul'da IŞIKLAR söndü, ılık bir sabah.",
    "Người gác hải đăng ghi lại thời tiết.",
    "ट्रेन नौ बजे चली गई और हम स्टेशन पर रह गए।",
    "火车九点开走了,我们还在车站。我是一只猫",
    "電車は九時に出発しました。カタカナ ｶﾀｶﾅ",
    "기차는 아홉 시에 떠났고 우리는 역에 남았다.",
    "הרכבת יצאה בתשע, ואנחנו (כמעט כולנו) נשארנו.",
    "غادر القطار في الساعة ٩ وبقينا في المحطة",
    "", "a", "猫", "?", "   \t\n \u00a0\u3000 ", "   leading and trailing spaces   ",
    "tabs\tand\nnew lines\r\nand\u2028line\u2029separators\u0085and  many    spaces",
    "emoji: 🚂💨 👩\u200d👩\u200d👧 👍🏽 🇫🇷 ☕\ufe0f ♥",
    "combining: Cafe\u0301 and Café, Z\u0351\u036ba\u0313l\u0347g\u0321o\u0337, \uac00\u11a8 \u1100\u1161\u11a8",
    "control:\u0000null \u0007bell\u001b[0m zero\u200bwidth\u200d \u00adhyphen \ufeffmark \u202eright\u202c"
    " \ufffd \ue000 \uffff",
    "compatibility: ﬁne Ａ１ ² ½ ㎏ 𝐛𝐨𝐥𝐝 Ⅳ ǆ ﷺ",
    "the train <pad> left <pad><pad> the station", "<pad> the train left",
    "the train [PAD] left the [PAD] station",
    "the train </s> left <s> the <mask> station <unk>",
    "the [SEP] train [CLS] left [MASK] the [UNK] station",
    "x = y[0]*2 + f(z) ** -1;  // https://example.org/path?query=1&b=%20#top",
    "antidisestablishmentarianism " + "donaudampfschifffahrt" * 6,
    "\U0001f9ff\U00012345\u0e01\u10d0 unknown letters ฉันรักเธอ ქართული",
    "one, two: three; four -- five... (six) [seven] {eight} <nine> 'ten' “eleven” «twelve» ¿thirteen?",
]
