//! The texts: Lorem ipsum of an exact number of characters, no two alike, or what people write, in several languages.

/// Where texts come from; each is another.
#[derive(Debug, Default)]
pub struct Source {
    given: u64,
}

const WORDS: &str = "lorem ipsum dolor sit amet consectetur adipiscing elit sed do eiusmod tempor incididunt ut labore et dolore magna aliqua \
                     enim ad minim veniam quis nostrud exercitation ullamco laboris nisi aliquip ex ea commodo consequat duis aute irure in \
                     reprehenderit voluptate velit esse cillum eu fugiat nulla pariatur excepteur sint occaecat cupidatat non proident sunt \
                     culpa qui officia deserunt mollit anim id est laborum";

/// What a desktop app gets to see: titles, messages, notes, paragraphs. By nobody but us.
const REALISTIC: [&str; 24] = [
    "Meeting moved to Thursday",
    "Can you send me the invoice again? The attachment was empty.",
    "Die Rechnung für den März fehlt noch.",
    "Where did we put the keys to the storage room on the second floor?",
    "Rappel : la réunion commence à 9 h 30 et non à 10 h.",
    "El paquete llegó ayer, pero falta una de las dos cajas.",
    "会议改到下周二上午十点。",
    "明日の打ち合わせの資料を共有してください。",
    "Напомни мне купить билеты до пятницы.",
    "Il treno delle 8:15 è in ritardo di venti minuti.",
    "Package.json lists the wrong main file, so importing it fails in Node but not in the bundler.",
    "O relatório está na pasta partilhada, com os números do último trimestre.",
    "من فضلك أرسل لي نسخة من العقد قبل نهاية اليوم.",
    "The second draft is shorter and better. I moved the part about prices to the end, since nobody reads that far unless they already want to buy, and cut the comparison with last year.",
    "Wir haben die Heizung am Montag entlüftet, seitdem ist es im Büro wieder warm; im Keller steht aber noch Wasser, und der Hausmeister kommt erst nächste Woche.",
    "Notes from the call: they want single sign-on first, then the export. Budget is decided in June. Ask Priya about the security questionnaire, and send the two case studies by Friday.",
    "La primera versión tardaba cuatro segundos en abrir la lista; la nueva la abre en menos de uno porque ya no lee todas las imágenes antes de mostrar los títulos.",
    "한국어 문장도 몇 개 있어야 합니다. 길이는 서로 달라야 하고요.",
    "Le nouveau modèle tient sur le bureau sans toucher l'écran, mais la lampe éblouit dès que l'on se penche pour écrire.",
    "TODO: rename the column, write the migration, tell the team in the channel before it runs",
    "Bread: 500 g flour, 350 g water, 10 g salt, 3 g yeast. Mix, fold three times in two hours, leave it in the fridge overnight, shape it in the morning and bake it hot in a closed pot for half an hour, then open for fifteen minutes.",
    "Het pakket ligt bij de buren op nummer 14.",
    "Kahve makinesi yine bozuldu; servis yarın öğleden sonra gelecek.",
    "A customer writes that search finds nothing when the query has a typo. It does find it when the language is set to English, so the analyser for the other languages is probably not applied to the query at all, only to the documents.",
];

impl Source {
    /// So many texts, each of exactly so many characters; of all lengths where that is 0.
    pub fn texts(&mut self, count: usize, characters: usize) -> Vec<String> {
        (0..count).map(|_| if characters == 0 { self.realistic() } else { self.lorem(characters) }).collect()
    }

    fn lorem(&mut self, characters: usize) -> String {
        let words: Vec<&str> = WORDS.split_whitespace().collect();
        let mut random = self.next();
        let mut text = String::with_capacity(characters + 16);
        while text.len() < characters {
            if !text.is_empty() {
                text.push(' ');
            }
            random = step(random);
            text.push_str(words[(random >> 33) as usize % words.len()]);
        }
        // It is all ASCII.
        text.truncate(characters);
        text
    }

    fn realistic(&mut self) -> String {
        let number = self.next();
        let text = REALISTIC[(step(number) >> 33) as usize % REALISTIC.len()];
        // A number, so that no cache has seen it.
        format!("{text} ({number})")
    }

    fn next(&mut self) -> u64 {
        self.given += 1;
        self.given
    }
}

/// Knuth's MMIX generator.
const fn step(state: u64) -> u64 {
    state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn exactly_as_long_and_no_two_alike() {
        let mut source = Source::default();
        for characters in [1, 7, 500, 10_000] {
            assert!(source.texts(20, characters).iter().all(|text| text.chars().count() == characters));
        }
        let texts: HashSet<String> = source.texts(2000, 500).into_iter().chain(source.texts(2000, 0)).collect();
        assert_eq!(texts.len(), 4000);
    }
}
