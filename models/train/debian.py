"""What Debian's packages hold of parallel text: package descriptions and their translations, names of things in Unicode's CLDR,
and man pages for English passages. Everything comes through apt, into folders of our own, so no root is needed."""

import gzip
import re
import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path

# Translations of package descriptions, apt's name and ISO 639-3's.
DESCRIPTIONS = {
    "cs": "ces", "da": "dan", "de": "deu", "es": "spa", "fr": "fra", "it": "ita", "ja": "jpn", "ko": "kor",
    "pl": "pol", "pt_BR": "por", "ru": "rus", "uk": "ukr", "zh_CN": "zho",
}  # fmt: skip

# Languages of CLDR, its name and ISO 639-3's.
CLDR = {
    "af": "afr", "ar": "ara", "be": "bel", "bg": "bul", "bn": "ben", "ca": "cat", "cs": "ces", "da": "dan", "de": "deu",
    "el": "ell", "es": "spa", "et": "est", "fa": "fas", "fi": "fin", "fr": "fra", "he": "heb", "hi": "hin", "hr": "hrv",
    "hu": "hun", "id": "ind", "is": "isl", "it": "ita", "ja": "jpn", "ka": "kat", "ko": "kor", "lt": "lit", "lv": "lav",
    "mk": "mkd", "mr": "mar", "nl": "nld", "no": "nor", "pl": "pol", "pt": "por", "ro": "ron", "ru": "rus", "sk": "slk",
    "sl": "slv", "sr": "srp", "sv": "swe", "th": "tha", "tr": "tur", "uk": "ukr", "ur": "urd", "vi": "vie", "zh": "zho",
}  # fmt: skip

PACKAGES = ["unicode-cldr-core", "manpages", "manpages-dev"]


def fetch(folder: Path) -> None:
    """Brings the descriptions' translations and the packages into `folder`, unless they are there."""
    if (folder / "done").exists():
        return
    folder = folder.resolve()  # apt takes a relative path as one below its own root
    lists, archives = folder / "lists", folder / "archives"
    for part in (lists / "partial", archives / "partial", folder / "packages"):
        part.mkdir(parents=True, exist_ok=True)
    options = [
        "-o", f"Dir::State::Lists={lists}", "-o", f"Dir::Cache={archives}", "-o", "Acquire::Languages=" + ",".join(["en", *DESCRIPTIONS]),
        "-o", "APT::Sandbox::User=", "-o", "Debug::NoLocking=1",
    ]  # fmt: skip
    subprocess.run(["apt-get", *options, "-qq", "update"], check=True)
    subprocess.run(["apt-get", *options, "-qq", "download", *PACKAGES], check=True, cwd=archives)
    for package in archives.glob("*.deb"):
        subprocess.run(["dpkg-deb", "-x", package, folder / "packages"], check=True)
    (folder / "done").touch()


def descriptions(folder: Path, language: str) -> dict[str, list[str]]:
    """Package descriptions by the digest of the English one: the short description, then paragraphs."""
    found = {}
    name = language.replace("_", "%5f")
    for path in sorted((folder / "lists").glob(f"*_main_i18n_Translation-{name}*")):
        text = subprocess.run(["/usr/lib/apt/apt-helper", "cat-file", path], check=True, capture_output=True, text=True).stdout
        for stanza in text.split("\n\n"):
            match = re.search(rf"^Description-md5: (\w+)\nDescription-{language}: (.*)", stanza, re.MULTILINE | re.DOTALL)
            if match:
                short, _, long = match[2].partition("\n")
                found[match[1]] = [short.strip(), *paragraphs(long)]
    return found


def paragraphs(long: str) -> list[str]:
    """The running text of a long description. Indented lines are lists and code."""
    parts = re.split(r"^ \.$", long, flags=re.MULTILINE)
    return [" ".join(part.split()) for part in parts if part.strip() and not re.search(r"^  |^ [-*+o] ", part, re.MULTILINE)]


def parallel_descriptions(folder: Path):
    """(language, English, other) of short descriptions, and of paragraphs where both sides have as many."""
    english = descriptions(folder, "en")
    for language, code in DESCRIPTIONS.items():
        for digest, other in descriptions(folder, language).items():
            if digest in english and len(other) == len(english[digest]):
                for ours, theirs in zip(english[digest], other, strict=True):
                    if ours != theirs:
                        yield code, ours, theirs


def english_descriptions(folder: Path):
    """The short descriptions and paragraphs in English."""
    for parts in descriptions(folder, "en").values():
        yield from parts


def names(folder: Path, language: str) -> dict[str, str]:
    """CLDR's names of emoji, territories and languages, and emoji's keywords, by what they name."""
    common = folder / "packages/usr/share/unicode/cldr/common"
    found = {}
    for node in ElementTree.parse(common / "annotations" / f"{language}.xml").iter("annotation"):
        if node.text and len(node.text) > 1:
            found[f"{node.get('type')} {node.get('cp')}"] = node.text.replace(" | ", ", ")
    path = common / "main" / f"{language}.xml"
    for kind in ("territory", "language"):
        for node in ElementTree.parse(path).iter(kind):
            if node.text and node.get("type") and not node.get("alt"):
                found[f"{kind} {node.get('type')}"] = node.text
    return {key: text for key, text in found.items() if "↑" not in text}


def parallel_names(folder: Path):
    """(language, English, other) of CLDR's names."""
    english = names(folder, "en")
    for language, code in CLDR.items():
        for key, text in names(folder, language).items():
            if key in english:
                yield code, english[key], text


def man_paragraphs(folder: Path):
    """The running text of the man pages: paragraphs without their macros."""
    for path in sorted((folder / "packages/usr/share/man").glob("man[1-8]/*.gz")):
        page = gzip.decompress(path.read_bytes()).decode("utf-8", "replace")
        for part in re.split(r"^\.(?:PP|P|LP|SH .*|SS .*|TP.*|IP.*|EX|EE|nf|fi)$", page, flags=re.MULTILINE):
            lines = [plain(line) for line in part.split("\n") if not re.match(r"\.(?!(?:B|I|BR|IR|RB|RI|BI|IB) )|'", line)]
            text = " ".join(" ".join(lines).split())
            if text.count(" ") >= 8 and text[0].isupper() and text[-1] in ".:":
                yield text


def plain(line: str) -> str:
    """A line of a man page without its font macros and escapes."""
    macro = re.match(r"\.(B|I|BR|IR|RB|RI|BI|IB) (.*)", line)
    if macro:
        line = macro[2].replace('"', "") if len(macro[1]) == 1 else re.sub(r" +(?=[^ ])|\"", "", macro[2])
    line = re.sub(r"\\f.|\\s[-+]?\d|\\[&/,|^]", "", line)
    line = line.replace("\\-", "-").replace("\\(aq", "'").replace("\\(dq", '"').replace("\\e", "\\").replace("\\~", " ")
    return re.sub(r"\\\(..|\\\[[^]]*\]|\\.", "", line)
