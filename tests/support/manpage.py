"""manpage.py FOLDER: the manual pages, from the documents in FOLDER that the programs print, into FOLDER/man.

Markdown as those use it: headings, paragraphs, lists, tables, indented code, `code`, **bold** and links.
"""

import re
import sys
from pathlib import Path

PAGES = {
    "certmill": {
        "summary": "ask a fleet of certmill workers over Kafka",
        "synopsis": "`certmill` COMMAND [OPTION...] [WORD...]",
        "documents": ["certmill.md"],
        "files": [("/usr/share/doc/certmill/", "the manuals that this page names")],
        "see": "`certmill-worker`(1), `openssl-x509`(1), `openssl-crl`(1)",
    },
    "certmill-worker": {
        "summary": "issue X.509 certificates from a queue",
        "synopsis": "`certmill-worker` COMMAND [`--config` FILE] [`--single`]",
        "documents": ["certmill-worker.md", "settings.md"],
        "files": [
            ("/etc/certmill/worker.ini", "the settings of the service"),
            ("/usr/share/doc/certmill-worker/", "the manuals that this page names"),
        ],
        "see": "`certmill`(1), `systemctl`(1)",
    },
}


def plain(text):
    """Letters that roff would take for something else."""
    for letter, escape in (("\\", "\\e"), ("-", "\\-"), ("^", "\\(ha"), ("~", "\\(ti"), ("`", "\\(ga")):
        text = text.replace(letter, escape)
    return re.sub(r"^(?=[.'])", r"\\&", text)


def inline(text):
    """One paragraph's or cell's text."""
    text = re.sub(r"\\([|<])", r"\1", text)
    text = re.sub(r"\[([^][]+)\]\([^)]*\)", r"\1", text)
    parts = re.split(r"`(.+?)`|\*\*(.+?)\*\*", text)
    out = plain(parts[0])
    for code, bold, rest in zip(parts[1::3], parts[2::3], parts[3::3]):
        out += f"\\fB{plain(code or bold)}\\fR{plain(rest).removeprefix(chr(92) + '&')}"
    return out


def cells(row):
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", row.strip().strip("|"))]


def table(rows):
    """A tagged paragraph a row: the tag is the first cell, the last says what it is, those between stand in brackets."""
    heads = cells(rows[0])
    verbs = heads[0] == "verb"
    for row in rows[2:]:
        tag, *between, text = cells(row)
        if verbs:
            tag, between = f"{tag} {between[0]}", []
        between = [f"{head}: {cell}" for head, cell in zip(heads[1:], between) if cell]
        yield ".TP"
        yield inline(tag if tag.startswith("`") or " `" in tag else f"`{tag}`")
        yield inline(f"{text} ({'; '.join(between)})" if between else text)


def code(lines):
    yield from (".PP", ".RS 4", ".nf")
    yield from (plain(line[4:]) for line in "\n".join(lines).rstrip().split("\n"))
    yield from (".fi", ".RE")


def blocks(text):
    """What blank lines part; those inside a block of code do not."""
    block = []
    for line in text.strip().split("\n"):
        in_code = bool(block) and block[0].startswith("    ")
        if block and (not line and not in_code or line and in_code and not line.startswith("    ")):
            yield block
            block = []
        if line or block:
            block.append(line)
    yield block


def items(text):
    for item in re.split(r"\n(?=- |\d\. )", text):
        mark, _, words = item.partition(" ")
        yield ".IP \\(bu 3" if mark == "-" else f".IP {mark} 3"
        yield inline(" ".join(words.split()))


def block_page(lines):
    first = lines[0]
    if first.startswith("## "):
        yield f".SH {plain(first[3:].upper())}"
    elif first.startswith("|"):
        yield from table(lines)
    elif first.startswith("    "):
        yield from code(lines)
    elif re.match(r"- |\d\. ", first):
        yield from items("\n".join(lines))
    else:
        yield ".PP"
        yield inline(" ".join(lines))


def document_page(text):
    for lines in blocks(text):
        if lines[0] == "# Settings of the worker":
            yield ".SH SETTINGS"
        elif not lines[0].startswith(("# ", "Made by ")):
            yield from block_page(lines)


def page(name, about, folder):
    yield f'.\\" Made by tests/support/manpage.py from docs/{", docs/".join(about["documents"])}; not edited by hand.'
    yield f'.TH {plain(name.upper())} 1 "" certmill "User Commands"'
    yield from (".SH NAME", f"{plain(name)} \\- {about['summary']}", ".SH SYNOPSIS", inline(about["synopsis"]), ".SH DESCRIPTION")
    for document in about["documents"]:
        yield from document_page((folder / document).read_text())
    yield ".SH FILES"
    for path, what in about["files"]:
        yield from (".TP", inline(f"`{path}`"), what)
    yield from (".SH SEE ALSO", inline(about["see"]))


def main(folder):
    (folder / "man").mkdir(exist_ok=True)
    for name, about in PAGES.items():
        text = "\n".join(page(name, about, folder)) + "\n"
        (folder / "man" / f"{name}.1").write_text(re.sub(r"^(\.SH .*)\n\.PP$", r"\1", text, flags=re.M))


main(Path(sys.argv[1]))
