"""The page's look as far as Gradio's parts have it; ``page.css`` has the rest."""

from __future__ import annotations

import hashlib
from pathlib import Path

import gradio as gr

from rag.web.markup import fill

_HERE = Path(__file__).parent
_FONTS = ["system-ui", "-apple-system", "Segoe UI", "Roboto", "sans-serif"]
_MONO = ["ui-monospace", "SFMono-Regular", "Menlo", "monospace"]
_INK = gr.themes.Color(
    name="ink", c50="#f7f6f2", c100="#efede6", c200="#e0ddd3", c300="#c9c5b8", c400="#9a968a",
    c500="#6d6a61", c600="#55534c", c700="#3b3a36", c800="#262623", c900="#1b1b19", c950="#131312",
)  # fmt: skip
_TEAL = gr.themes.Color(
    name="teal", c50="#eef7f6", c100="#d5ebe9", c200="#aed8d4", c300="#7dbfb9", c400="#4a9f98",
    c500="#1f7f78", c600="#13655f", c700="#10524d", c800="#0f423e", c900="#0d3532", c950="#072120",
)  # fmt: skip


def theme() -> gr.themes.Base:
    """Paper and ink with one accent, in the fonts of the student's own system."""
    base: gr.themes.Base = gr.themes.Base(
        primary_hue=_TEAL, neutral_hue=_INK, font=_FONTS, font_mono=_MONO, text_size="md"
    ).set(
        body_background_fill="#fbfaf7",
        body_background_fill_dark="#161615",
        body_text_color="#1f1f1c",
        body_text_color_dark="#eceae4",
        body_text_color_subdued="#5c5a53",
        body_text_color_subdued_dark="#b3afa5",
        block_background_fill="transparent",
        block_background_fill_dark="transparent",
        block_border_width="0px",
        block_shadow="none",
        block_label_text_color="#3b3a36",
        block_label_text_color_dark="#d6d3ca",
        block_title_text_color="#3b3a36",
        block_title_text_color_dark="#d6d3ca",
        input_background_fill="#ffffff",
        input_background_fill_dark="#1f1f1d",
        input_border_color="#8d897d",
        input_border_color_dark="#77736a",
        input_placeholder_color="#6a675f",
        input_placeholder_color_dark="#a5a196",
        checkbox_label_background_fill="transparent",
        checkbox_label_background_fill_dark="transparent",
        checkbox_label_background_fill_hover="transparent",
        checkbox_label_background_fill_hover_dark="transparent",
        checkbox_label_background_fill_selected="transparent",
        checkbox_label_background_fill_selected_dark="transparent",
        checkbox_border_color="#6d6a61",
        checkbox_border_color_dark="#9a968a",
        button_primary_background_fill="#13655f",
        button_primary_background_fill_dark="#13655f",
        button_primary_background_fill_hover="#10524d",
        button_primary_background_fill_hover_dark="#1a7771",
        button_primary_text_color="#ffffff",
        button_primary_text_color_dark="#ffffff",
    )
    return base


def head() -> str:
    """Our script and style, by addresses that change with their content, and where KaTeX is."""
    parts = [
        fill('<link rel="stylesheet" href="{css}">', css=_versioned("page.css")),
        fill('<script type="module" src="{js}"></script>', js=_versioned("page.js")),
    ]
    if katex := _katex():
        parts.append(
            fill('<meta name="katex" content="{js}" data-css="{css}">', js=katex[0], css=katex[1])
        )
    return "\n".join(parts)


def _versioned(name: str) -> str:
    return f"room/{name}?v={hashlib.sha256((_HERE / name).read_bytes()).hexdigest()[:12]}"


def _katex() -> tuple[str, str] | None:
    """Gradio's own copy of KaTeX, which it serves: formulas stay as they are where it has none."""
    assets = Path(gr.__file__).parent / "templates" / "frontend" / "assets"
    found = [sorted(assets.glob(pattern)) for pattern in ("katex-*.js", "katex-*.css")]
    if not all(found):
        return None
    return f"assets/{found[0][0].name}", f"assets/{found[1][0].name}"
