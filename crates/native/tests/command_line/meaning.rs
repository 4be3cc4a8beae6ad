//! Whether the built-in model means something: what its card promises, rounded down.

use serde_json::Value;

use crate::run::{json_lines, run, vector};
use crate::shared::folder;

/// The same things said in several languages, none of them from a text that it was trained on.
const SAYINGS: [[&str; 7]; 6] = [
    [
        "The bridge over the river is closed because of the flood.",
        "Die Brücke über den Fluss ist wegen des Hochwassers gesperrt.",
        "Le pont sur la rivière est fermé à cause de l'inondation.",
        "El puente sobre el río está cerrado por la inundación.",
        "Мост через реку закрыт из-за наводнения.",
        "洪水のため、川に架かる橋は閉鎖されています。",
        "因为洪水,河上的桥关闭了。",
    ],
    [
        "My grandmother bakes bread every Sunday morning.",
        "Meine Großmutter backt jeden Sonntagmorgen Brot.",
        "Ma grand-mère fait du pain tous les dimanches matin.",
        "Mi abuela hace pan todos los domingos por la mañana.",
        "Моя бабушка печёт хлеб каждое воскресное утро.",
        "祖母は毎週日曜日の朝にパンを焼きます。",
        "我奶奶每个星期天早上都烤面包。",
    ],
    [
        "The doctor said that the child has to stay in bed.",
        "Der Arzt sagte, dass das Kind im Bett bleiben muss.",
        "Le médecin a dit que l'enfant doit rester au lit.",
        "El médico dijo que el niño tiene que quedarse en la cama.",
        "Врач сказал, что ребёнок должен оставаться в постели.",
        "医者は、その子は寝ていなければならないと言った。",
        "医生说孩子必须躺在床上。",
    ],
    [
        "How much does a ticket to the museum cost?",
        "Wie viel kostet eine Eintrittskarte für das Museum?",
        "Combien coûte un billet pour le musée ?",
        "¿Cuánto cuesta una entrada para el museo?",
        "Сколько стоит билет в музей?",
        "博物館の入場券はいくらですか。",
        "博物馆的门票多少钱?",
    ],
    [
        "He learned to play the guitar when he was ten years old.",
        "Er lernte Gitarre spielen, als er zehn Jahre alt war.",
        "Il a appris à jouer de la guitare quand il avait dix ans.",
        "Aprendió a tocar la guitarra cuando tenía diez años.",
        "Он научился играть на гитаре, когда ему было десять лет.",
        "彼は十歳のときにギターを弾けるようになった。",
        "他十岁时学会了弹吉他。",
    ],
    [
        "The company wants to sell fewer cars and more bicycles.",
        "Die Firma will weniger Autos und mehr Fahrräder verkaufen.",
        "L'entreprise veut vendre moins de voitures et plus de vélos.",
        "La empresa quiere vender menos coches y más bicicletas.",
        "Компания хочет продавать меньше машин и больше велосипедов.",
        "その会社は車を減らし、自転車をもっと売りたいと考えている。",
        "这家公司想少卖汽车,多卖自行车。",
    ],
];

fn cosine(one: &[f32], other: &[f32]) -> f32 {
    one.iter().zip(other).map(|(one, other)| one * other).sum()
}

#[test]
fn what_means_the_same_is_nearest() {
    let texts = SAYINGS.concat();
    let words = [&["embed", "--device", "cpu"], texts.as_slice()].concat();
    let vectors: Vec<_> = json_lines(&run(&words).good()).iter().map(vector).collect();
    let sayings: Vec<_> = vectors.chunks_exact(7).collect();
    for (index, saying) in sayings.iter().enumerate() {
        for (language, text) in saying.iter().enumerate().skip(1) {
            let nearest = (0..sayings.len())
                .max_by(|&one, &other| cosine(&sayings[one][0], text).total_cmp(&cosine(&sayings[other][0], text)));
            assert_eq!(nearest, Some(index), "{}", SAYINGS[index][language]);
        }
    }
}

#[test]
fn similarity_is_what_people_say_it_is() {
    let Some(folder) = folder("no development splits of STS-B") else { return };
    let score = |language: &str| -> f64 {
        let path = folder.join(format!("data/eval/stsb-{language}-dev.csv"));
        let path = path.to_str().expect("its path is text");
        let found = run(&["eval", "sts", path, "--device", "cpu", "--format", "json"]).good();
        let found: Value = serde_json::from_str(&found).expect("it is JSON");
        found["measures"]["cosine"]["spearman"].as_f64().unwrap_or_else(|| panic!("a score in {found}"))
    };
    let english = score("en");
    assert!(english >= 0.80, "{english}");
    let translations = ["de", "ja", "ru", "zh"].map(score); // all ten take a minute
    let mean = translations.iter().sum::<f64>() / translations.len() as f64;
    assert!(mean >= 0.725, "{mean}: {translations:?}");
}
