"""A module as a page of Markdown: what its public names take, give back, raise and follow.

Read from the source, nothing is imported; comments beside parameters and fields are what the tables show."""

import ast
import html
import io
import re
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

Definition = ast.FunctionDef | ast.ClassDef


def page(path: Path, name: str, notebook: str) -> str:
    "Markdown of a module; `notebook` is the link from the page to the notebook that explains it."
    return '\n\n'.join(Module(path.read_text(encoding='utf-8')).blocks(name, notebook)) + '\n'


class Module:
    "A module's source with its comments by line."

    def __init__(self, source: str):
        self.source = source
        self.tree = ast.parse(source)
        tokens = tokenize.generate_tokens(io.StringIO(source).readline)
        self.comments = {t.start[0]: t.string.lstrip('# ') for t in tokens if t.type == tokenize.COMMENT}
        self.public = self._public()

    def _public(self) -> list[str]:
        for node in self.tree.body:
            if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == '__all__':
                return ast.literal_eval(node.value)
        return []

    def blocks(self, name: str, notebook: str) -> Iterator[str]:
        yield f'# {name}'
        if docstring := ast.get_docstring(self.tree):
            yield docstring
        yield f'<p class="module" markdown>Explained and tested in [{Path(notebook).stem}]({notebook})</p>'
        for node in self.tree.body:
            if isinstance(node, ast.FunctionDef) and (owner := patched(node)):
                if not node.name.startswith('_'):
                    yield from self.function(node, f'{owner}.', level=3)
            elif isinstance(node, Definition) and node.name in self.public:
                yield from self.klass(node) if isinstance(node, ast.ClassDef) else self.function(node)
            elif isinstance(node, ast.Assign | ast.AnnAssign):
                yield from self.constant(node)

    def constant(self, node: ast.Assign | ast.AnnAssign) -> Iterator[str]:
        targets = node.targets if isinstance(node, ast.Assign) else [node.target]
        names = [
            n.id for target in targets for n in ast.walk(target) if isinstance(n, ast.Name) and n.id in self.public
        ]
        if names and node.value:
            value = ast.unparse(node.value)
            yield heading(2, names[0]) if len(names) == 1 else f'## `{", ".join(names)}`'
            yield code(f'{", ".join(names)} = {value if len(value) < 300 else value[:280] + " …"}')
            if comment := self.comments.get(node.lineno):
                yield comment

    def function(self, node: ast.FunctionDef, owner: str = '', level: int = 2) -> Iterator[str]:
        name = f'{owner}{node.name}'
        decorators = [ast.unparse(d) for d in node.decorator_list]
        is_property = any('property' in d or 'as_prop=True' in d for d in decorators)
        arguments = [] if is_property else self.arguments(node)
        call = name if is_property else f'{name}({", ".join(a.shown for a in arguments)})'
        returns = f' → {ast.unparse(node.returns)}' if node.returns else ''
        given = self.given_back(node)
        yield heading(level, name)
        yield code(call + returns)
        yield from docstring_of(node)
        if any(a.note for a in arguments):
            yield table('parameter', [*(a.row for a in arguments), *([given] if given else [])])
        elif given and given[-1]:
            yield f'Gives {given[-1]}.'

    def arguments(self, node: ast.FunctionDef) -> list['Argument']:
        "Those of a call, without self."
        args = node.args
        positional = [*args.posonlyargs, *args.args]
        defaults = [None] * (len(positional) - len(args.defaults)) + list(args.defaults)
        found = [('', arg, default) for arg, default in zip(positional, defaults, strict=True)]
        found += [('*', args.vararg, None)] * bool(args.vararg)
        found += [('', arg, default) for arg, default in zip(args.kwonlyargs, args.kw_defaults, strict=True)]
        found += [('**', args.kwarg, None)] * bool(args.kwarg)
        return [self.argument(*each) for each in found if each[1].arg not in ('self', 'cls')]

    def argument(self, stars: str, arg: ast.arg, default: ast.expr | None) -> 'Argument':
        last_line = (default or arg).end_lineno
        annotation = ast.unparse(arg.annotation) if arg.annotation else ''
        note = self.comments.get(last_line, '')
        return Argument(stars + arg.arg, annotation, ast.unparse(default) if default else '', note)

    def given_back(self, node: ast.FunctionDef) -> tuple[str, ...] | None:
        "The row of what a function returns."
        if node.returns is None:
            return None
        lines = range(node.returns.lineno, node.body[0].lineno)
        note = ' '.join(self.comments[line] for line in lines if line in self.comments)
        annotation = ast.unparse(node.returns)
        return ('**gives**', inline(annotation), '', note) if note or annotation != 'None' else None

    def klass(self, node: ast.ClassDef) -> Iterator[str]:
        methods = [n for n in node.body if isinstance(n, ast.FunctionDef)]
        fields = [n for n in node.body if isinstance(n, ast.AnnAssign) and not ast.unparse(n.target).startswith('_')]
        constructor = next((m for m in methods if m.name == '__init__'), None)
        bases = ', '.join(ast.unparse(b) for b in node.bases)
        yield heading(2, node.name)
        yield code(f'class {node.name}({bases})' if bases else f'class {node.name}')
        yield from docstring_of(node)
        if constructor:
            yield table('parameter', [a.row for a in self.arguments(constructor)])
        elif fields:
            yield table('field', [self.field(f) for f in fields])
        for method in methods:
            if not method.name.startswith('_'):
                yield from self.function(method, f'{node.name}.', level=3)

    def field(self, node: ast.AnnAssign) -> tuple[str, ...]:
        value = ast.unparse(node.value) if node.value else ''
        note = self.comments.get(node.end_lineno, '')
        return Argument(ast.unparse(node.target), ast.unparse(node.annotation), value, note).row


@dataclass
class Argument:
    "A parameter or a field, as text."

    name: str
    annotation: str
    default: str
    note: str

    @property
    def shown(self) -> str:
        "As it stands in a call; long defaults are in the table."
        if not self.default:
            return self.name
        return f'{self.name}={self.default if len(self.default) < 20 else "…"}'

    @property
    def row(self) -> tuple[str, ...]:
        return inline(self.name), inline(self.annotation), inline(self.default), self.note


def patched(node: ast.FunctionDef) -> str:
    "The class to which fastcore's `@patch` adds the function."
    if any(ast.unparse(d).split('(')[0] == 'patch' for d in node.decorator_list):
        first = node.args.args[0].annotation
        return ast.unparse(first).removeprefix('cls:') if first else ''
    return ''


def docstring_of(node: Definition) -> Iterator[str]:
    "The docstring; lines that are set in, such as an equation or a drawing, stay as they are, and examples are code."
    for block in (ast.get_docstring(node) or '').split('\n\n'):
        if block.startswith('>>>'):
            yield f'```{{ .pycon }}\n{block}\n```'
        elif block:
            yield re.sub(r'(?<!\n)\n(?=    \S)', '\n\n', block)


def heading(level: int, name: str) -> str:
    return f'{"#" * level} `{name}` {{ #{name} }}'


def code(text: str) -> str:
    return f'```{{ .python .signature }}\n{text}\n```'


def inline(text: str) -> str:
    "Code in a table's cell, where a bar would end it."
    return f'<code>{html.escape(text).replace("|", "&#124;")}</code>' if text else ''


def table(first: str, rows: list[tuple[str, ...]]) -> str:
    "A Markdown table of names, types, defaults and meanings; types and defaults only where there are any."
    head = (first, 'type', 'default', 'meaning')
    used = [i for i in range(len(head)) if i in (0, 3) or any(row[i] for row in rows)]
    lines = [[head[i] for i in used], ['---'] * len(used)]
    lines += [[row[i].replace('|', r'\|') for i in used] for row in rows]
    return '\n'.join(f'| {" | ".join(line)} |' for line in lines)
