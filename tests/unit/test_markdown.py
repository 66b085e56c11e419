"""Markdown as HTML: what people mean is kept, and nothing that runs, fetches or frames passes."""

from __future__ import annotations

import asyncio
from html.parser import HTMLParser
from time import process_time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.web.markdown import MarkdownView, rendered, to_html

SAFE = {
    *("p", "br", "hr", "blockquote", "pre", "code", "em", "strong", "s", "a", "ul", "ol", "li"),
    *("h1", "h2", "h3", "h4", "h5", "h6", "table", "thead", "tbody", "tr", "th", "td"),
}

CORPUS = [
    "<script>alert(1)</script>",
    "<scr<script>ipt>alert(1)</scr</script>ipt>",
    "<img src=x onerror=alert(1)>",
    "<svg/onload=alert(1)>",
    "<svg><animate onbegin=alert(1) attributeName=x dur=1s>",
    "<iframe src=javascript:alert(1)></iframe>",
    "<math><mtext></form><form><mglyph><style></math><img src onerror=alert(1)>",
    "<a href=javascript:alert(1)>x</a>",
    "<body onload=alert(1)>",
    "<style>@import 'https://evil.example/x.css';</style>",
    "<base href=https://evil.example/>",
    "<meta http-equiv=refresh content='0;url=javascript:alert(1)'>",
    "<form action=https://evil.example/><input name=password>",
    "<object data=javascript:alert(1)>",
    '<noscript><p title="</noscript><img src=x onerror=alert(1)>">',
    "<!--[if gte IE 4]><script>alert(1)</script><![endif]-->",
    "<![CDATA[<script>alert(1)</script>]]>",
    "[x](javascript:alert(1))",
    "[x](JaVaScRiPt:alert(1))",
    "[x](javascript&colon;alert(1))",
    "[x](&#x6A;avascript:alert(1))",
    "[x](java\tscript:alert(1))",
    "[x](<java\nscript:alert(1)>)",
    "[x](\x01javascript:alert(1))",
    "[x](vbscript:msgbox(1))",
    "[x](data:text/html;base64,PHNjcmlwdD5hbGVydCgxKTwvc2NyaXB0Pg==)",
    '[x](//evil.example/ "onmouseover=alert(1)")',
    '[x](https://e.example/" onmouseover=alert(1) y=")',
    "[x]('javascript:alert(1)')",
    "[x][y]\n\n[y]: javascript:alert(1)",
    "<javascript:alert(1)>",
    '<https://e.example/"onclick=alert(1)>',
    "![x](https://evil.example/seen.png)",
    "![x](javascript:alert(1))",
    "![x](data:image/svg+xml;base64,PHN2Zy8+)",
    '!["onerror="alert(1)](x)',
    '```"><script>alert(1)</script>\nx\n```',
    "`<script>alert(1)</script>`",
    "| <script>alert(1)</script> |\n|---|\n| <img src=x onerror=alert(1)> |",
    "# <img src=x onerror=alert(1)>",
    "<details open ontoggle=alert(1)>",
    "<xss style=xss:expression(alert(1))>",
    "\u2028<script>alert(1)</script>",
    "<p style='background:url(https://evil.example/)'>x",
    "<a href='https://ok.example' target=_blank onclick=alert(1)>x</a>",
]


class _Checker(HTMLParser):
    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert tag in SAFE, tag
        named = dict(attrs)
        assert set(named) <= {"href", "title", "rel", "start"}, attrs
        if "href" in named:
            assert tag == "a"
            address = (named["href"] or "").strip().lower()
            scheme = address.split(":")[0] if ":" in address.split("/")[0] else ""
            assert scheme in ("http", "https", "mailto"), address
        if tag == "a":
            assert named["rel"] == "nofollow noopener noreferrer ugc"

    def handle_decl(self, decl: str) -> None:
        raise AssertionError(decl)

    def handle_comment(self, data: str) -> None:
        raise AssertionError(data)


def check(html: str) -> None:
    checker = _Checker(convert_charrefs=True)
    checker.feed(html)
    checker.close()


@pytest.mark.parametrize("text", CORPUS)
def test_nothing_that_runs_fetches_or_frames_passes(text: str) -> None:
    check(to_html(text))
    check(to_html(f"Before\n\n> - {text}\n\nafter"))


@given(
    st.lists(
        st.sampled_from([*CORPUS, "\n", "> ", "- ", "`", "[", "](", "<", "&", '"', "é", "許"]), max_size=8
    )
)
def test_nor_anything_put_together_of_it(parts: list[str]) -> None:
    check(to_html("".join(parts)))


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("Every permit waits **nine days**.", "<p>Every permit waits <strong>nine days</strong>.</p>\n"),
        ("a < b & c", "<p>a &lt; b &amp; c</p>\n"),
        ("~~no~~", "<p><s>no</s></p>\n"),
        ("3. three", '<ol start="3">\n<li>three</li>\n</ol>\n'),
        ("許可 🏛", "<p>許可 🏛</p>\n"),
        (
            "[e-ID](https://eid.example/ 'Sign')",
            '<p><a href="https://eid.example/" title="Sign" rel="nofollow noopener noreferrer ugc">'
            "e-ID</a></p>\n",
        ),
        ("|a|\n|-|\n|b|", "<table>\n<thead>\n<tr>\n<th>a</th>\n</tr>\n</thead>\n<tbody>\n<tr>\n<td>b</td>\n"
         "</tr>\n</tbody>\n</table>\n"),
        ("", ""),
    ],
)  # fmt: skip
def test_what_people_mean_is_kept(text: str, html: str) -> None:
    assert to_html(text) == html


@pytest.mark.parametrize(
    "text",
    ["[" * 40_000, "*a" * 20_000, "> " * 20_000, "`" * 40_000, "<" * 40_000, "|" * 40_000, "![" * 20_000,
     "_" * 39_999 + "a", "- " * 20_000, "[a](" * 10_000, "&#" * 20_000],
    ids=lambda text: text[:4],
)  # fmt: skip
def test_the_longest_and_worst_text_takes_a_moment(text: str) -> None:
    began = process_time()
    check(to_html(text))
    assert process_time() - began < 5


class _Size(MarkdownView):
    note: str | None = None


class _Problem(MarkdownView):
    markdown = ("body", "size.note", "size.absent")

    body: str
    size: _Size


def test_a_view_has_its_texts_as_html_where_wanted() -> None:
    view = _Problem(body="*a*", size=_Size(note="b"))
    assert asyncio.run(rendered(view, False)).html is None
    html = {"body": "<p><em>a</em></p>\n", "size.note": "<p>b</p>\n"}
    assert asyncio.run(rendered(view, True)).html == html
    nothing = _Problem(body="", size=_Size())
    assert asyncio.run(rendered(nothing, True)).html == {"body": ""}
