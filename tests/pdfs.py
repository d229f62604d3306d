"""PDFs that the tests build: small, real, each with one difficulty."""

import gzip
from collections.abc import Callable
from functools import partial
from pathlib import Path

from fpdf import FPDF
from pypdf import PageObject, PdfWriter, Transformation
from pypdf.generic import (
    ArrayObject,
    DictionaryObject,
    FloatObject,
    NameObject,
    NumberObject,
    RectangleObject,
    StreamObject,
)

SHARED = Path(__file__).parents[2] / "shared"
LEFT = (
    "The harbour was built by masons from Genoa in 1311. It has seven piers, of which "
    "three are open to large ships. A light-house stands on the longest pier and is fed "
    "with olive oil. The masons were paid in salt."
)
RIGHT = (
    "Fishing began much later than trade did. The fleet counts forty boats today, and "
    "most of them belong to two families. Herring is salted on the pier and sold inland. "
    "Storms close the harbour for twenty days a year."
)


def _pdf(path: Path, build: Callable[[FPDF], None]) -> Path:
    pdf = FPDF(format="A4")
    pdf.set_auto_page_break(False)
    build(pdf)
    pdf.output(str(path))
    return path


def _title(pdf: FPDF, text: str) -> None:
    pdf.set_font("Helvetica", "B", 18)
    pdf.set_xy(20, 15)
    pdf.cell(text=text)


def lines(path: Path, *sized: tuple[int, str]) -> Path:
    """One page, each line with the size of its letters in points."""

    def build(pdf: FPDF) -> None:
        pdf.add_page()
        for size, text in sized:
            pdf.set_font("Helvetica", size=size)
            pdf.cell(text=text, new_x="LMARGIN", new_y="NEXT")

    return _pdf(path, build)


def two_columns(path: Path, title: str = "A Short History of the Harbour") -> Path:
    def build(pdf: FPDF) -> None:
        pdf.set_title(title)
        pdf.add_page()
        _title(pdf, title)
        for x, heading, text in ((20, "1 Building", LEFT), (110, "2 Fishing", RIGHT)):
            pdf.set_xy(x, 40)
            pdf.set_font("Helvetica", "B", 13)
            pdf.cell(text=heading)
            pdf.set_xy(x, 50)
            pdf.set_left_margin(x)
            pdf.set_font("Helvetica", "", 10)
            pdf.multi_cell(80, 5, text)
            pdf.set_left_margin(20)

    return _pdf(path, build)


def prose(path: Path, paragraphs: list[str], title: str = "Notes") -> Path:
    """One column; each paragraph on its own page if it is given as a page of its own."""

    def build(pdf: FPDF) -> None:
        pdf.set_title(title)
        for at, text in enumerate(paragraphs):
            pdf.add_page()
            if at == 0:
                _title(pdf, title)
            pdf.set_xy(20, 40)
            pdf.set_left_margin(20)
            pdf.set_font("Helvetica", "", 11)
            pdf.multi_cell(170, 6, text)

    return _pdf(path, build)


SHIPS = [(f"Ship{n:02d}", str(1300 + n), f"{n * 7}.{n % 10}%") for n in range(1, 13)]


def table_over_a_page_break(path: Path) -> Path:
    def rows(pdf: FPDF, ships: list[tuple[str, str, str]], top: float) -> None:
        pdf.set_font("Helvetica", "", 10)
        pdf.line(20, top, 150, top)
        for at, row in enumerate([("Ship", "Built", "Loss"), *ships]):
            for x, cell in zip((22, 70, 120), row, strict=True):
                pdf.set_xy(x, top + 1 + 6 * at)
                pdf.cell(text=cell)
            if at == 0:
                pdf.line(20, top + 7, 150, top + 7)
        bottom = top + 8 + 6 * len(ships)
        pdf.line(20, bottom, 150, bottom)

    def build(pdf: FPDF) -> None:
        pdf.add_page()
        _title(pdf, "Losses at Sea")
        pdf.set_font("Helvetica", "", 10)
        pdf.set_xy(20, 215)
        pdf.cell(text="Table 1: Ships of the fleet, the year each was built, and its loss.")
        rows(pdf, SHIPS[:7], 225)
        pdf.add_page()
        pdf.set_font("Helvetica", "", 10)
        pdf.set_xy(20, 20)
        pdf.cell(text="Table 1: Ships of the fleet (continued).")
        rows(pdf, SHIPS[7:], 30)
        pdf.set_xy(20, 120)
        pdf.set_font("Helvetica", "", 10)
        pdf.multi_cell(
            170, 5, "The losses were counted at the end of each winter by the harbour master."
        )

    return _pdf(path, build)


def hyphenated(path: Path) -> Path:
    lines = [
        "The well-known pilots of the harbour wrote instruc-",
        "tions for every visitor. The instructions are well-",
        "known along the coast, and the DeepWater-",
        "Guide repeats them.",
    ]

    def build(pdf: FPDF) -> None:
        pdf.add_page()
        _title(pdf, "Pilots")
        pdf.set_font("Helvetica", "", 11)
        for at, line in enumerate(lines):
            pdf.set_xy(20, 40 + 6 * at)
            pdf.cell(text=line)

    return _pdf(path, build)


def encrypted(path: Path) -> Path:
    def build(pdf: FPDF) -> None:
        pdf.set_encryption(owner_password="owner", user_password="secret")
        pdf.add_page()
        _title(pdf, "Locked")

    return _pdf(path, build)


def image_only(path: Path) -> Path:
    from PIL import Image

    def build(pdf: FPDF) -> None:
        pdf.add_page()
        pdf.image(Image.new("RGB", (300, 400), (200, 180, 160)), x=20, y=20, w=100)

    return _pdf(path, build)


def damaged(path: Path) -> Path:
    """A PDF whose content streams cannot be unpacked."""
    two_columns(path)
    data = bytearray(path.read_bytes())
    at = 0
    while (at := data.find(b"stream\n", at)) >= 0:
        start = at + len(b"stream\n")
        end = data.find(b"endstream", start)
        data[start:end] = b"\xff" * (end - start)
        at = end + len(b"endstream")
    path.write_bytes(data)
    return path


def with_running_heads(path: Path) -> Path:
    def build(pdf: FPDF) -> None:
        for number in range(1, 5):
            pdf.add_page()
            pdf.set_font("Helvetica", "", 9)
            pdf.set_xy(20, 8)
            pdf.cell(text=f"Annals of the Harbour, volume {number}")
            pdf.set_xy(100, 288)
            pdf.cell(text=str(number))
            pdf.set_font("Helvetica", "", 11)
            pdf.set_xy(20, 40)
            pdf.set_left_margin(20)
            pdf.multi_cell(170, 6, f"On day {number} the wind turned. " + RIGHT)

    return _pdf(path, build)


def placed(path: Path, *pages: list[tuple]) -> Path:
    """Pages of (x, y, text) and, for drawn rules, (x0, x1, y), all in mm from the top left."""

    def build(pdf: FPDF) -> None:
        for page in pages:
            pdf.add_page()
            pdf.set_font("Helvetica", "", 10)
            for first, second, third in page:
                if isinstance(third, str):
                    pdf.set_xy(first, second)
                    pdf.cell(text=third)
                else:
                    pdf.line(first, third, second, third)

    return _pdf(path, build)


SECTIONS = [
    ("Winds of the Coast", 0),
    ("Calm", 1),
    ("Storm", 1),
    ("Salt and Its Trade", 0),
    ("Pans", 1),
    ("Carts", 1),
]


def with_outline(path: Path) -> Path:
    """Headings set like the text around them and named by the outline, one section a page; and on
    page 2 a line that is large and bold and no heading.
    """

    def build(pdf: FPDF) -> None:
        for number, (name, level) in enumerate(SECTIONS, 1):
            pdf.add_page()
            pdf.set_font("Helvetica", "", 10)
            pdf.set_left_margin(20)
            pdf.set_xy(20, 40)
            pdf.start_section(name, level)
            pdf.cell(text=f"{number}. {name}")
            if number == 2:
                pdf.set_font("Helvetica", "B", 14)
                pdf.set_xy(20, 100)
                pdf.cell(text="Free salt on Tuesdays")
                pdf.set_font("Helvetica", "", 10)
            for x, y, text in ((20, 50, LEFT), (20, 120, RIGHT)):
                pdf.set_xy(x, y)
                pdf.multi_cell(170, 5, text)

    return _pdf(path, build)


def labelled(path: Path) -> Path:
    """Two pages of front matter in Roman numerals, then pages from 1."""

    def build(pdf: FPDF) -> None:
        for style, start in (("r", 1), ("r", None), ("D", 1), ("D", None)):
            pdf.add_page(label_style=style, label_start=start)
            pdf.set_font("Helvetica", "", 11)
            pdf.set_xy(20, 40)
            pdf.multi_cell(170, 6, LEFT)

    return _pdf(path, build)


def cropped(path: Path, left: float = 30, top: float = 22) -> Path:
    """The two columns with a margin cut off by the crop box, in points."""

    def crop(page: PageObject, _: PdfWriter) -> None:
        _, _, right, high = (float(side) for side in page.mediabox)
        page.cropbox = RectangleObject((left, 100, right, high - top))

    return _changed(two_columns(path), crop)


def turned(path: Path, degrees: int) -> Path:
    """The two columns written sideways on a page that is shown turned, so that they are upright."""

    return turned_round(two_columns(path), degrees)


def turned_round(path: Path, degrees: int) -> Path:
    """What a PDF's first page has written sideways, and the page shown turned."""

    def turn(page: PageObject, _: PdfWriter) -> None:
        width, height = float(page.mediabox.width), float(page.mediabox.height)
        right, up = {90: (height, 0), 180: (width, height), 270: (0, width)}[degrees]
        page.add_transformation(Transformation().rotate(degrees).translate(right, up))
        sides = (0, 0, width, height) if degrees == 180 else (0, 0, height, width)
        page.mediabox = page.cropbox = RectangleObject(sides)
        page.rotate(degrees)

    return _changed(path, turn)


def in_a_form(path: Path) -> Path:
    """The two columns drawn by a form that its matrix and the page each move to the right."""

    def wrap(page: PageObject, writer: PdfWriter) -> None:
        form = _stream(page.get_contents().get_data())
        form[NameObject("/Subtype")] = NameObject("/Form")
        form[NameObject("/BBox")] = page.mediabox
        form[NameObject("/Matrix")] = _numbers(1, 0, 0, 1, 10, 0)
        form[NameObject("/Resources")] = page["/Resources"]
        forms = DictionaryObject({NameObject("/Whole"): writer._add_object(form)})
        page[NameObject("/Resources")] = DictionaryObject({NameObject("/XObject"): forms})
        drawing = _stream(b"q 1 0 0 1 5 0 cm /Whole Do Q")
        page[NameObject("/Contents")] = writer._add_object(drawing)

    return _changed(two_columns(path), wrap)


TWO_FONTS = ("Calm seas", "bring the herring, and storms take it away.")


def two_fonts(path: Path) -> Path:
    """One line that goes from bold to plain type without saying where the plain words stand."""

    def write(page: PageObject, writer: PdfWriter) -> None:
        bold, plain = TWO_FONTS
        drawing = f"BT /F1 11 Tf 60 700 Td ({bold}) Tj /F2 11 Tf ( {plain}) Tj ET"
        page[NameObject("/Contents")] = writer._add_object(_stream(drawing.encode()))

    return _changed(prose(path, [LEFT]), write)


def gzipped(path: Path) -> Path:
    """Three pages; the second page's text is packed with gzip's head, which PDFium cannot unpack."""

    def pack(page: PageObject, writer: PdfWriter) -> None:
        stream = _stream(gzip.compress(page.get_contents().get_data(), mtime=0))
        stream[NameObject("/Filter")] = NameObject("/FlateDecode")
        page[NameObject("/Contents")] = writer._add_object(stream)

    return _changed(prose(path, [LEFT, RIGHT, LEFT]), pack, number=2)


def miscounted(path: Path) -> Path:
    """Three pages, the first of a type that no reader knows: some count it and others do not."""
    prose(path, [LEFT, RIGHT, LEFT])
    data = path.read_bytes()
    path.write_bytes(data.replace(b"/Type /Page\n", b"/Type /Pagx\n", 1))
    return path


def owned(path: Path) -> Path:
    """A PDF that anyone may read and only its owner may change."""

    def build(pdf: FPDF) -> None:
        pdf.set_encryption(owner_password="owner")
        pdf.add_page()
        _title(pdf, "Open to All")

    return _pdf(path, build)


def _changed(path: Path, change: Callable[[PageObject, PdfWriter], None], number: int = 1) -> Path:
    """The PDF with one page changed."""
    writer = PdfWriter(clone_from=path)
    change(writer.pages[number - 1], writer)
    writer.write(path)
    return path


def _stream(data: bytes) -> StreamObject:
    stream = StreamObject()
    stream.set_data(data)
    return stream


def _numbers(*numbers: float) -> ArrayObject:
    return ArrayObject(FloatObject(number) for number in numbers)


def rows_at(top: float, xs: list[float], rows: list[list[str]], pitch: float = 6) -> list[tuple]:
    """The texts of rows below each other, each cell at its x; empty ones are left out."""
    return [
        (x, top + pitch * at, text)
        for at, row in enumerate(rows)
        for x, text in zip(xs, row, strict=True)
        if text
    ]


def written_over(
    path: Path,
    program: str,
    *,
    first: bool = False,
    states: dict[str, DictionaryObject] | None = None,
    text: str = LEFT,
    title: str = "Notes",
) -> Path:
    """One page of prose with a further program drawn after it, or before; its font is /F1.

    ``states`` are graphics states by name. /Grey is a picture of one colour.
    """

    def write(page: PageObject, writer: PdfWriter) -> None:
        own, added = page.get_contents().get_data(), f"\nq {program} Q\n".encode("latin-1")
        page[NameObject("/Contents")] = writer._add_object(
            _stream(added + own if first else own + added)
        )
        resources = page[NameObject("/Resources")] = DictionaryObject(page["/Resources"])
        resources[NameObject("/ExtGState")] = DictionaryObject(
            {NameObject(name): state for name, state in (states or {}).items()}
        )
        resources[NameObject("/XObject")] = DictionaryObject(
            {NameObject("/Grey"): writer._add_object(_image((1, 1), b"\xdd"))}
        )

    return _changed(prose(path, [text], title=title), write)


def opacity(value: float) -> DictionaryObject:
    """A graphics state in which everything is painted with this opacity, from 0 to 1."""
    return DictionaryObject(
        {NameObject("/ca"): FloatObject(value), NameObject("/CA"): FloatObject(value)}
    )


def scanned(path: Path, *, blank: bool = False) -> Path:
    """A picture of a page with its words behind it, unpainted, as text recognition leaves them;
    or the same words behind a picture that shows nothing.
    """
    import pypdfium2

    prose(path, [LEFT, RIGHT])
    with pypdfium2.PdfDocument(path) as document:
        pictures = [page.render(scale=2).to_pil().convert("L") for page in document]
    for number, picture in enumerate(pictures, 1):
        shown = picture.point(lambda _: 255) if blank else picture
        _changed(path, partial(_behind, image=_image(shown.size, shown.tobytes())), number)
    return path


def _behind(page: PageObject, writer: PdfWriter, image: StreamObject) -> None:
    """Draw a picture over the page's whole size, and its text with no paint."""
    resources = page[NameObject("/Resources")] = DictionaryObject(page["/Resources"])
    resources[NameObject("/XObject")] = DictionaryObject(
        {NameObject("/Scan"): writer._add_object(image)}
    )
    size = f"{page.mediabox.width} 0 0 {page.mediabox.height} 0 0"
    program = f"q {size} cm /Scan Do Q 3 Tr\n".encode() + page.get_contents().get_data()
    page[NameObject("/Contents")] = writer._add_object(_stream(program))


def _image(size: tuple[int, int], grey: bytes) -> StreamObject:
    image = _stream(grey)
    image.update(
        {
            NameObject("/Type"): NameObject("/XObject"),
            NameObject("/Subtype"): NameObject("/Image"),
            NameObject("/Width"): NumberObject(size[0]),
            NameObject("/Height"): NumberObject(size[1]),
            NameObject("/BitsPerComponent"): NumberObject(8),
            NameObject("/ColorSpace"): NameObject("/DeviceGray"),
        }
    )
    return image
