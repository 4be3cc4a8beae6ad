//! A folder in which a document's commands run one after another: the repository's files, those that the document speaks of, and a hub.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;

use arrow_array::{ArrayRef, RecordBatch, StringArray};
use parquet::arrow::ArrowWriter;
use serde_json::Value;

use crate::document::{Block, Document, Language, root};
use crate::server::Server;
use crate::shell::compare;
use crate::skip::skip;

/// Models of the hub that documents name, and which of the small ones in tests/golden stands for each.
const MODELS: [(&str, &str); 2] = [
    ("sentence-transformers/all-MiniLM-L6-v2", "bert"),
    ("sentence-transformers/paraphrase-multilingual-mpnet-base-v2", "xlm-roberta"),
];

pub struct Place {
    folder: PathBuf,
    hub: Server,
    /// Servers that the document started, with the addresses that it gives them and those that they have.
    servers: Vec<(Child, String, String)>,
}

impl Place {
    pub fn new(document: &Document) -> Self {
        let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("docs").join(document.path.replace('/', "-"));
        if folder.exists() {
            fs::remove_dir_all(&folder).expect("an old folder");
        }
        fs::create_dir_all(folder.join("home")).expect("a folder");
        for name in ["README.md", "docs", "crates", "examples", "models", "scripts", "tests"] {
            std::os::unix::fs::symlink(root().join(name), folder.join(name)).expect("a link");
        }
        let hub = Server::start();
        for (id, stand_in) in MODELS {
            hub.add(id, &root().join("tests/golden/models").join(stand_in));
        }
        let place = Self { folder, hub, servers: Vec::new() };
        place.write_files();
        if document.blocks.iter().any(|block| block.text.contains("SHA256SUMS")) {
            place.write_release();
        }
        place
    }

    /// What documents speak of as the reader's own.
    fn write_files(&self) {
        let put = |path: &str, text: &str| {
            let path = self.folder.join(path);
            fs::create_dir_all(path.parent().expect("a folder")).expect("a folder");
            fs::write(path, text).expect("a file");
        };
        put("texts.txt", "a cat\neine Katze\n");
        put("texts.jsonl", "{\"text\": \"a cat\"}\n{\"text\": \"eine Katze\"}\n");
        put("judged.tsv", "a cat\ta kitten\t4.5\na cat\ta tax return\t0.2\na dog\ta puppy\t4.4\n");
        put("stsb-en-dev.csv", "a cat,a kitten,4.5\na cat,a tax return,0.2\na dog,a puppy,4.4\n");
        put("translations.tsv", "a cat\teine Katze\na house\tein Haus\n");
        put("pairs.tsv", "de\ta cat\teine Katze\nde\ta house\tein Haus\n");
        put(
            "benchmark/corpus.jsonl",
            "{\"_id\": \"1\", \"title\": \"\", \"text\": \"a cat\"}\n{\"_id\": \"2\", \"title\": \"\", \"text\": \"a house\"}\n",
        );
        put("benchmark/queries.jsonl", "{\"_id\": \"a\", \"text\": \"eine Katze\"}\n");
        put("benchmark/qrels/test.tsv", "query-id\tcorpus-id\tscore\na\t1\t1\n");
        let column = |values: [&str; 2]| -> ArrayRef { Arc::new(StringArray::from(values.to_vec())) };
        let batch =
            RecordBatch::try_from_iter([("key", column(["1", "2"])), ("body", column(["a cat", "eine Katze"]))]);
        let batch = batch.expect("a table");
        let file = fs::File::create(self.folder.join("texts.parquet")).expect("a file");
        let mut writer = ArrowWriter::try_new(file, batch.schema(), None).expect("a writer");
        writer.write(&batch).and_then(|()| writer.close()).expect("a Parquet file");
        self.bash("wembed embed --input texts.txt --output some.npy", "the vectors for a calibration");
    }

    /// An archive as scripts/dist makes it, and its sum.
    fn write_release(&self) {
        let name = "wembed-VERSION-aarch64-apple-darwin";
        fs::create_dir(self.folder.join(name)).expect("a folder");
        fs::copy(env!("CARGO_BIN_EXE_wembed"), self.folder.join(name).join("wembed")).expect("a copy");
        self.bash(
            &format!("tar czf {name}.tar.gz {name} && rm -r {name} && sha256sum {name}.tar.gz >SHA256SUMS"),
            "a release",
        );
    }

    /// Runs a block's commands.
    pub fn run(&mut self, block: &Block) {
        let trained = "models/all-MiniLM-L6-v2";
        if block.text.contains(trained) && !root().join(trained).exists() {
            return skip(&format!("{}: {trained} is not there; scripts/fetch-minilm fetches it", block.place));
        }
        if block.text.contains("--device gpu") && !self.has_gpu() {
            return skip(&format!("{}: there is no GPU adapter", block.place));
        }
        // As it was built, not built again.
        let text = block.text.replace("cargo run --release --", "wembed");
        match block.language {
            Language::Console => {
                for case in text.split("$ ").skip(1) {
                    let (command, expected) = case.split_once('\n').expect("a command's line");
                    compare(&block.place, expected.trim_end(), self.on_a_terminal(command, &block.place).trim_end());
                }
            }
            _ => {
                let (servers, commands): (Vec<_>, Vec<_>) =
                    text.lines().partition(|line| line.starts_with("wembed serve"));
                servers.into_iter().for_each(|command| self.serve(command, &block.place));
                self.bash(&commands.join("\n"), &block.place);
            }
        }
    }

    fn has_gpu(&self) -> bool {
        let found = self.bash("wembed devices --format json", "devices");
        let found: Value = serde_json::from_str(&found).expect("JSON");
        found["gpu"].as_array().is_some_and(|adapters| !adapters.is_empty())
    }

    /// Starts a server at a port that is free.
    fn serve(&mut self, command: &str, place: &str) {
        let words: Vec<_> = command.split(' ').collect();
        let port = words.iter().position(|word| *word == "--port").map_or("8080", |at| words[at + 1]);
        let free = match command.contains("--port") {
            true => command.replace(&format!("--port {port}"), "--port 0"),
            false => format!("{command} --port 0"),
        };
        let mut server = self.command("bash");
        server.args(["-c", &format!("exec {free} --exit-with-parent --device cpu")]).stdout(Stdio::piped());
        let mut server = server.spawn().expect("bash");
        let mut line = String::new();
        BufReader::new(server.stdout.take().expect("a pipe")).read_line(&mut line).expect("a line");
        let ready: Value = serde_json::from_str(&line).unwrap_or_else(|_| panic!("{place}: `{command}` said `{line}`"));
        let url = ready["url"].as_str().expect("an address").to_owned();
        self.servers.push((server, format!("http://127.0.0.1:{port}"), url));
    }

    fn bash(&self, script: &str, place: &str) -> String {
        let script = self.servers.iter().fold(script.to_owned(), |script, (_, said, is)| script.replace(said, is));
        let output = self.command("bash").args(["-euo", "pipefail", "-c", &script]).output().expect("bash");
        let [stdout, stderr] = [output.stdout, output.stderr].map(|bytes| String::from_utf8(bytes).expect("UTF-8"));
        assert!(output.status.success(), "{place}: {}: `{script}`\n{stdout}\n{stderr}", output.status);
        stdout
    }

    /// What a command prints for people; `script` is a terminal to it.
    fn on_a_terminal(&self, command: &str, place: &str) -> String {
        let quoted = format!("'{}'", format!("{command} 2>errors").replace('\'', r"'\''"));
        let [linux, mac] =
            [format!("script -qefc {quoted} /dev/null"), format!("script -q /dev/null bash -c {quoted}")];
        self.bash(if cfg!(target_os = "macos") { &mac } else { &linux }, place).replace('\r', "")
    }

    fn command(&self, program: &str) -> Command {
        let mut command = Command::new(program);
        for (name, _) in std::env::vars_os() {
            if name.to_str().is_some_and(|name| name.starts_with("HF_") || name.starts_with("WEMBED_")) {
                command.env_remove(name);
            }
        }
        let binaries = Path::new(env!("CARGO_BIN_EXE_wembed")).parent().expect("a folder");
        let path = format!("{}:{}", binaries.display(), std::env::var("PATH").expect("PATH"));
        command.current_dir(&self.folder).env("PATH", path).env("HOME", self.folder.join("home"));
        command.env("HF_ENDPOINT", &self.hub.address).env("NO_PROXY", "127.0.0.1").env("SHELL", "/bin/bash");
        command.stdin(Stdio::null());
        command
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        for (server, _, _) in &mut self.servers {
            server.kill().and_then(|()| server.wait()).expect("a server ends");
        }
    }
}
