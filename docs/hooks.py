"Formulas become MathML while mkdocs builds the site, so that no page needs a script for them."

import html
import re

from latex2mathml.converter import convert


# what the converter knows by another spelling
SPELLINGS = {r'\arg\max': r'\operatorname{arg max}', r'\iff': r'\;\Longleftrightarrow\;'}


def on_page_content(content: str, **_: object) -> str:
    "Replace what the arithmatex extension marked."

    def formula(match: re.Match) -> str:
        latex = html.unescape(match[3].strip())
        for written, known in SPELLINGS.items():
            latex = latex.replace(written, known)
        mathml = convert(latex, display='block' if match[1] == 'div' else 'inline')
        assert '\\' not in mathml, f'this formula cannot be written in MathML: {latex}'
        return mathml

    return re.sub(r'<(span|div) class="arithmatex">\\([(\[])(.*?)\\[)\]]</\1>', formula, content, flags=re.DOTALL)
