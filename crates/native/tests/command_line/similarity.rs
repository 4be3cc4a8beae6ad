//! The cosine matrix.

use crate::models::model;
use crate::run::{json_lines, run, vector};

const TEXTS: [&str; 4] = ["a cat sits", "the kitten is sitting", "", "stock prices fell"];

fn similarity(format: &str) -> String {
    run(&[&["similarity", "--model", &model("xlm-roberta"), "--format", format], &TEXTS[..]].concat()).good()
}

#[test]
fn the_matrix_is_the_cosine_of_the_vectors() {
    let matrix: Vec<Vec<f64>> = serde_json::from_str(&similarity("json")).expect("it is an array of rows");
    let embedded = run(&[&["embed", "--normalize", "--model", &model("xlm-roberta")], &TEXTS[..]].concat()).good();
    let vectors: Vec<Vec<f32>> = json_lines(&embedded).iter().map(vector).collect();
    assert_eq!(matrix.len(), TEXTS.len());
    for (i, row) in matrix.iter().enumerate() {
        assert_eq!(row.len(), TEXTS.len());
        assert_eq!(row[i], 1.0);
        for (j, &value) in row.iter().enumerate() {
            assert_eq!(value, matrix[j][i]);
            let dot: f64 = vectors[i].iter().zip(&vectors[j]).map(|(&x, &y)| f64::from(x) * f64::from(y)).sum();
            assert!((value - dot).abs() < 1e-5, "{i}, {j}: {value}, {dot}");
        }
    }
    assert!(matrix[0][1] != matrix[0][3]);

    let tabs = similarity("tsv");
    let rows: Vec<Vec<f64>> = tabs
        .lines()
        .map(|line| line.split('\t').map(|value| value.parse().expect("it is a number")).collect())
        .collect();
    assert_eq!(rows.len(), matrix.len());
    for (row, wanted) in rows.iter().flatten().zip(matrix.iter().flatten()) {
        assert!((row - wanted).abs() <= 0.5e-6);
    }
    // Into a pipe it is the form without a flag.
    let piped = run(&[&["similarity", "--model", &model("xlm-roberta")], &TEXTS[..]].concat()).good();
    assert_eq!(piped, tabs);

    let shown = similarity("text");
    assert!(shown.contains(&format!("{:.4}", matrix[0][1])) && shown.contains("3  stock prices fell"), "{shown}");
}
