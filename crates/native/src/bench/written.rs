//! Texts as people write them: titles, messages, notes, and some documents. A few hundred, put together out of sentences that nobody wrote but us.

use std::collections::BTreeSet;
use std::fmt;
use std::ops::RangeInclusive;
use std::sync::LazyLock;

use super::lorem::step;

/// What a desktop app gets to see, and its language.
const SENTENCES: [(&str, &str); 24] = [
    ("English", "Meeting moved to Thursday"),
    ("English", "Can you send me the invoice again? The attachment was empty."),
    ("German", "Die Rechnung für den März fehlt noch."),
    ("English", "Where did we put the keys to the storage room on the second floor?"),
    ("French", "Rappel : la réunion commence à 9 h 30 et non à 10 h."),
    ("Spanish", "El paquete llegó ayer, pero falta una de las dos cajas."),
    ("Chinese", "会议改到下周二上午十点。"),
    ("Japanese", "明日の打ち合わせの資料を共有してください。"),
    ("Russian", "Напомни мне купить билеты до пятницы."),
    ("Italian", "Il treno delle 8:15 è in ritardo di venti minuti."),
    ("English", "Package.json lists the wrong main file, so importing it fails in Node but not in the bundler."),
    ("Portuguese", "O relatório está na pasta partilhada, com os números do último trimestre."),
    ("Arabic", "من فضلك أرسل لي نسخة من العقد قبل نهاية اليوم."),
    (
        "English",
        "The second draft is shorter and better. I moved the part about prices to the end, since nobody reads that far unless they already want to buy, and cut the comparison with last year.",
    ),
    (
        "German",
        "Wir haben die Heizung am Montag entlüftet, seitdem ist es im Büro wieder warm; im Keller steht aber noch Wasser, und der Hausmeister kommt erst nächste Woche.",
    ),
    (
        "English",
        "Notes from the call: they want single sign-on first, then the export. Budget is decided in June. Ask Priya about the security questionnaire, and send the two case studies by Friday.",
    ),
    (
        "Spanish",
        "La primera versión tardaba cuatro segundos en abrir la lista; la nueva la abre en menos de uno porque ya no lee todas las imágenes antes de mostrar los títulos.",
    ),
    ("Korean", "한국어 문장도 몇 개 있어야 합니다. 길이는 서로 달라야 하고요."),
    (
        "French",
        "Le nouveau modèle tient sur le bureau sans toucher l'écran, mais la lampe éblouit dès que l'on se penche pour écrire.",
    ),
    ("English", "TODO: rename the column, write the migration, tell the team in the channel before it runs"),
    (
        "English",
        "Bread: 500 g flour, 350 g water, 10 g salt, 3 g yeast. Mix, fold three times in two hours, leave it in the fridge overnight, shape it in the morning and bake it hot in a closed pot for half an hour, then open for fifteen minutes.",
    ),
    ("Dutch", "Het pakket ligt bij de buren op nummer 14."),
    ("Turkish", "Kahve makinesi yine bozuldu; servis yarın öğleden sonra gelecek."),
    (
        "English",
        "A customer writes that search finds nothing when the query has a typo. It does find it when the language is set to English, so the analyser for the other languages is probably not applied to the query at all, only to the documents.",
    ),
];

/// Texts of two to four sentences.
const NOTES: usize = 256;
/// Texts of many, and the characters that these have.
const DOCUMENTS: usize = 40;
const DOCUMENT: RangeInclusive<usize> = 500..=3000;

/// All of them: each sentence, notes, documents; no two alike, and the same ones in every run.
pub static WRITTEN: LazyLock<Vec<String>> = LazyLock::new(written);

fn written() -> Vec<String> {
    let sentences = || SENTENCES.iter().map(|(_, sentence)| *sentence);
    let mut all: Vec<String> = sentences().map(str::to_owned).collect();
    let mut random = 0;
    let mut draw = |count: usize| {
        random = step(random);
        (random >> 33) as usize % count
    };
    while all.len() < SENTENCES.len() + NOTES {
        let count = 2 + draw(3);
        let drawn: Vec<&str> = (0..count).map(|_| SENTENCES[draw(SENTENCES.len())].1).collect();
        let note = drawn.join(" ");
        if !all.contains(&note) {
            all.push(note);
        }
    }
    let longest = sentences().map(characters).max().unwrap_or_default();
    for _ in 0..DOCUMENTS {
        // With the last sentence and the space before it: no longer than the longest may be.
        let least = DOCUMENT.start() + draw(DOCUMENT.end() - longest - DOCUMENT.start());
        let mut document = String::new();
        while characters(&document) < least {
            let space = if document.is_empty() { "" } else { " " };
            document.push_str(space);
            document.push_str(SENTENCES[draw(SENTENCES.len())].1);
        }
        all.push(document);
    }
    all
}

fn characters(text: &str) -> usize {
    text.chars().count()
}

/// How many there are and how long they are.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Extent {
    pub texts: usize,
    pub languages: usize,
    /// Characters of the shortest, of the one in the middle, of the longest, and on average.
    pub least: usize,
    pub median: usize,
    pub most: usize,
    pub mean: f64,
}

impl Extent {
    /// Of all that there are.
    pub fn of_all() -> Self {
        let mut lengths: Vec<usize> = WRITTEN.iter().map(|text| characters(text)).collect();
        lengths.sort_unstable();
        let texts = lengths.len();
        Self {
            texts,
            languages: SENTENCES.iter().map(|(language, _)| language).collect::<BTreeSet<_>>().len(),
            least: lengths[0],
            median: lengths[texts / 2],
            most: lengths[texts - 1],
            mean: lengths.iter().sum::<usize>() as f64 / texts as f64,
        }
    }
}

impl fmt::Display for Extent {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { texts, languages, least, median, most, mean } = self;
        write!(
            to,
            "{texts} texts of {least} to {most} characters (median {median}, mean {mean:.0}) in {languages} languages"
        )
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn hundreds_and_some_are_long() {
        let all = written();
        assert_eq!(all, written(), "the same ones every time");
        assert_eq!(all.iter().collect::<HashSet<_>>().len(), SENTENCES.len() + NOTES + DOCUMENTS);
        let long: Vec<usize> = all.iter().map(|text| characters(text)).filter(|length| *length > 1000).collect();
        assert!(long.len() >= 20, "{long:?}");
        assert!(all[SENTENCES.len() + NOTES..].iter().all(|text| DOCUMENT.contains(&characters(text))));
    }

    #[test]
    fn what_is_said_of_them_is_so() {
        let extent = Extent::of_all();
        let lengths: Vec<usize> = WRITTEN.iter().map(|text| characters(text)).collect();
        assert_eq!((Some(&extent.least), Some(&extent.most)), (lengths.iter().min(), lengths.iter().max()));
        let shorter = lengths.iter().filter(|length| **length < extent.median).count();
        assert!(2 * shorter <= extent.texts && extent.texts == lengths.len(), "{extent}");
        let documents = WRITTEN[SENTENCES.len() + NOTES..].concat();
        assert!(['é', 'ü', 'ó', '会', 'の', 'и', 'ع', '한'].iter().all(|letter| documents.contains(*letter)));
    }
}
