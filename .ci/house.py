"""The house in numbers: `python .ci/house.py` prints them; `--check` fails where a promise of the table is broken.

Imports, names, functions and docstrings are read from the exported modules with `ast`, nothing is imported; widths and
cells from the notebooks. `--no-types` leaves out mypy, the one slow count."""

import argparse
import ast
import json
import re
import statistics
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = 'geopurify'
WIDTH = 120
PARAMETERS = 7

# Imports go down this list, never up. Modules beside the packages (`__main__`) stand above all of them.
ORDER = 'base scans readers rooms semantics geometry purify pretrain results show'.split()

# What must hold: the largest count that passes. The other counts are there to be looked at.
PROMISES = {
    'import cycles between packages': 0,
    'import cycles between modules': 0,
    'imports up the order of packages': 0,
    'private names across modules': 0,
    f'code lines wider than {WIDTH} columns': 0,
    'lines of the longest exported cell': 60,
    'kilobytes of recorded cases': 3200,
    'ruff findings': 0,
    'mypy errors': 0,
}

# Where a docstring says what it follows: a place in the paper, another paper, a file of released code, a format.
SOURCE = re.compile(
    r'[Ss]ections? \w|[Tt]ables? \d|[Ee]quations? |[Aa]ppendix |arXiv|\bpaper\b|released code|official|`\w[\w/]*\.py`'
    r'|OpenScene|et al\.|\b(?:19|20)\d\d\)'
)


@dataclass
class Count:
    "One line of the table; `where` names the places, worst first."

    name: str
    value: float
    where: list[str] = field(default_factory=list)
    unit: str = ''

    @property
    def broken(self) -> bool:
        return self.value > PROMISES.get(self.name, float('inf'))


# ---------------------------------------------------------------------------------------------------------------- code


class Module:
    "An exported module: its tree, what it imports, which private names it defines."

    def __init__(self, path: Path):
        parts = path.relative_to(ROOT).with_suffix('').parts
        self.is_package = parts[-1] == '__init__'
        self.name = '.'.join(parts[:-1] if self.is_package else parts)
        self.tree = ast.parse(path.read_text(encoding='utf-8'))
        self.nodes = list(ast.walk(self.tree))

    @property
    def floor(self) -> str:
        "Its package: `base` of `geopurify.base.core`, nothing for modules that lie beside the packages."
        return self.name.split('.')[1] if self.name.count('.') > 1 or self.is_package and '.' in self.name else ''

    @property
    def height(self) -> int:
        return ORDER.index(self.floor) if self.floor in ORDER else len(ORDER)

    def origin(self, node: ast.ImportFrom) -> str:
        "Full name of what `from … import` imports from."
        if not node.level:
            return node.module or ''
        here = self.name.split('.')
        above = here[: len(here) - node.level + self.is_package]
        return '.'.join([*above, *([node.module] if node.module else [])])

    def imports(self, known: set[str]) -> Iterator[tuple[str, str]]:
        "Pairs (module, name taken from it or ''), also of imports in functions and under TYPE_CHECKING."
        for node in self.nodes:
            if isinstance(node, ast.Import):
                yield from ((alias.name, '') for alias in node.names if alias.name in known)
            elif isinstance(node, ast.ImportFrom):
                origin = self.origin(node)
                for alias in node.names:
                    inner = f'{origin}.{alias.name}'
                    if inner in known:
                        yield inner, ''
                    elif origin in known and inner != f'{PACKAGE}.__version__':
                        yield origin, alias.name

    @cached_property
    def own_private(self) -> set[str]:
        "Private names that are defined here: functions, classes, variables, fields, attributes of self."
        defined = {n.name for n in self.nodes if isinstance(n, ast.FunctionDef | ast.ClassDef)}
        defined |= {n.id for n in self.nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        defined |= {n.attr for n in self.nodes if isinstance(n, ast.Attribute) and isinstance(n.ctx, ast.Store)}
        return {name for name in defined if is_private(name)}

    @cached_property
    def functions(self) -> list['Function']:
        inside = {id(f): c for c in self.nodes if isinstance(c, ast.ClassDef) for f in c.body}
        nested = {id(n) for f in self.nodes if isinstance(f, ast.FunctionDef) for b in f.body for n in ast.walk(b)}
        return [
            Function(self, node, inside.get(id(node)), id(node) in nested)
            for node in self.nodes
            if isinstance(node, ast.FunctionDef)
        ]


@dataclass
class Function:
    "A function or method of a module."

    module: Module
    node: ast.FunctionDef
    owner: ast.ClassDef | None
    nested: bool

    @property
    def label(self) -> str:
        owner = f'{self.owner.name}.' if self.owner else ''
        return f'{self.module.name.removeprefix(PACKAGE + ".")}.{owner}{self.node.name}'

    @property
    def lines(self) -> int:
        return self.node.end_lineno - self.node.lineno + 1

    @property
    def parameters(self) -> int:
        "Without self."
        args = self.node.args
        names = [a.arg for a in (*args.posonlyargs, *args.args, *args.kwonlyargs)]
        return len(names) - (names[:1] in (['self'], ['cls']))

    @property
    def is_public(self) -> bool:
        names = [self.node.name.replace('__init__', 'init'), self.owner.name if self.owner else '']
        return not self.nested and not any(name.startswith('_') for name in names)

    @property
    def docstring(self) -> str:
        "Its own, or of the class where a constructor has none."
        owner = self.owner if self.node.name == '__init__' else None
        return ast.get_docstring(self.node) or (owner and ast.get_docstring(owner)) or ''

    @property
    def raises(self) -> bool:
        "Whether an `InputError` is raised in its own lines."
        raised = (n.exc for n in ast.walk(self.node) if isinstance(n, ast.Raise) and isinstance(n.exc, ast.Call))
        return any(isinstance(call.func, ast.Name) and call.func.id == 'InputError' for call in raised)

    @property
    def body_lines(self) -> dict[int, int]:
        "Syntax nodes on each line of the body; a node without a line of its own counts on its parent's."
        found: dict[int, int] = {}

        def visit(node: ast.AST, line: int) -> None:
            line = getattr(node, 'lineno', line)
            found[line] = found.get(line, 0) + 1
            for child in ast.iter_child_nodes(node):
                visit(child, line)

        for statement in self.node.body[ast.get_docstring(self.node) is not None :]:
            visit(statement, statement.lineno)
        return found


def is_private(name: str) -> bool:
    return name.startswith('_') and not name.startswith('__') and name != '_'


def read_modules() -> list[Module]:
    files = sorted((ROOT / PACKAGE).rglob('*.py'))
    return [Module(f) for f in files if f.name != '_modidx.py' and '.ipynb_checkpoints' not in f.parts]


# --------------------------------------------------------------------------------------------------------------- graph


def cycles(arrows: set[tuple[str, str]]) -> list[list[str]]:
    "Groups of names that reach each other, each as one list."
    targets: dict[str, set[str]] = {}
    for a, b in arrows:
        if a != b:
            targets.setdefault(a, set()).add(b)

    def reached(start: str) -> set[str]:
        seen: set[str] = set()
        waiting = [start]
        while waiting:
            for b in targets.get(waiting.pop(), set()) - seen:
                seen.add(b)
                waiting.append(b)
        return seen

    reach = {name: reached(name) for name in targets}
    circular = [name for name in sorted(reach) if name in reach[name]]
    groups = {tuple(b for b in circular if b in reach[a] and a in reach[b]) for a in circular}
    return [list(group) for group in sorted(groups)]


def import_counts(modules: list[Module]) -> Iterator[Count]:
    by_name = {m.name: m for m in modules}
    arrows = {(m.name, target) for m in modules for target, _ in m.imports(set(by_name))}
    floors = {(by_name[a].floor, by_name[b].floor) for a, b in arrows if by_name[a].floor and by_name[b].floor}
    up = sorted(f'{a} → {b}' for a, b in arrows if by_name[a].height < by_name[b].height)
    for what, found in ('packages', cycles(floors)), ('modules', cycles(arrows)):
        yield Count(f'import cycles between {what}', len(found), [' ⇄ '.join(group) for group in found])
    yield Count('imports up the order of packages', len(up), up)


def private_names(modules: list[Module], notebooks: list['Notebook']) -> Count:
    "Private names that are imported from a module, or asked of an object whose class is defined in another one."
    known = {m.name for m in modules}
    defined = set().union(*(m.own_private for m in modules))
    found = []
    for m in modules:
        imported = [(origin, name) for origin, name in m.imports(known) if origin != m.name]
        found += [f'{m.name}: {origin}.{name}' for origin, name in imported if is_private(name)]
        asked = {n.attr for n in m.nodes if isinstance(n, ast.Attribute) and is_private(n.attr)}
        found += [f'{m.name}: .{name}' for name in sorted(asked & defined - m.own_private)]
    for notebook in notebooks:
        found += [f'{notebook.name}: {name}' for name in notebook.private_imports()]
    return Count('private names across modules', len(found), found)


# ----------------------------------------------------------------------------------------------------------- notebooks


class Notebook:
    "A notebook: the lines of its code cells."

    def __init__(self, path: Path):
        self.name = str(path.relative_to(ROOT / 'nbs').with_suffix(''))
        cells = json.loads(path.read_text(encoding='utf-8'))['cells']
        self.cells = [''.join(c['source']).split('\n') for c in cells if c['cell_type'] == 'code']

    @property
    def exported(self) -> Iterator[list[str]]:
        "Exported cells without directives and the blank lines around them."
        for lines in self.cells:
            if any(line.startswith('#| export') for line in lines):
                yield '\n'.join(line for line in lines if not line.startswith('#|')).strip().split('\n')

    @property
    def wide(self) -> int:
        return sum(len(line) > WIDTH for lines in self.cells for line in lines)

    @property
    def module(self) -> str:
        "The module that it is exported to, nothing for a lesson or a table."
        text = '\n'.join(line for lines in self.cells for line in lines)
        match = re.search(r'^#\| default_exp (\S+)', text, re.MULTILINE)
        return f'{PACKAGE}.{match[1]}' if match else ''

    def private_imports(self) -> Iterator[str]:
        "What its cells import by a private name from other modules of the package."
        for lines in self.cells:
            code = '\n'.join(line for line in lines if not line.lstrip().startswith(('%', '!')))
            for node in ast.walk(ast.parse(code)):
                if isinstance(node, ast.ImportFrom) and (node.module or '').startswith(PACKAGE):
                    names = [alias.name for alias in node.names if node.module != self.module]
                    yield from (f'{node.module}.{name}' for name in names if is_private(name))


def read_notebooks() -> list[Notebook]:
    files = sorted((ROOT / 'nbs').rglob('*.ipynb'))
    return [Notebook(f) for f in files if '.ipynb_checkpoints' not in f.parts]


def cell_counts(notebooks: list[Notebook]) -> Iterator[Count]:
    wide = sorted(((n.wide, n.name) for n in notebooks if n.wide), reverse=True)
    cells = sorted(((len(lines), n.name, lines[0]) for n in notebooks for lines in n.exported), reverse=True)
    yield Count(
        f'code lines wider than {WIDTH} columns',
        sum(n for n, _ in wide),
        [f'{name}: {n}' for n, name in wide],
    )
    yield Count(
        'lines of the longest exported cell',
        cells[0][0],
        [f'{n} lines: {name}, {first[:60]}' for n, name, first in cells],
    )
    yield Count('lines of the median exported cell', statistics.median(n for n, *_ in cells))


# ----------------------------------------------------------------------------------------------------------- functions


def share(part: int, whole: int) -> float:
    return round(100 * part / max(whole, 1), 1)


def function_counts(modules: list[Module]) -> Iterator[Count]:
    functions = [f for m in modules for f in m.functions]
    longest = sorted(functions, key=lambda f: -f.lines)
    many = sorted((f for f in functions if f.parameters > PARAMETERS), key=lambda f: -f.parameters)
    yield Count('lines of the longest function', longest[0].lines, [f'{f.lines} lines: {f.label}' for f in longest])
    yield Count('lines of the median function', statistics.median(f.lines for f in functions))
    yield Count(
        f'functions with more than {PARAMETERS} parameters',
        len(many),
        [f'{f.parameters} parameters: {f.label}' for f in many],
    )
    nodes = [n for f in functions if not f.nested for n in f.body_lines.values()]
    yield Count('syntax nodes on the median body line', statistics.median(nodes))


def docstring_counts(modules: list[Module]) -> Iterator[Count]:
    public = [f for m in modules for f in m.functions if f.is_public]
    raising = [f for f in public if f.raises]
    silent = [f.label for f in raising if not re.search(r'Raises|`InputError`', f.docstring)]
    sourced = [f for f in public if SOURCE.search(f.docstring)]
    yield Count('public functions that raise an InputError', len(raising))
    yield Count('… whose docstring says so', share(len(raising) - len(silent), len(raising)), silent, '%')
    yield Count('public functions whose docstring names a source', share(len(sourced), len(public)), unit='%')


# --------------------------------------------------------------------------------------------------------------- tools


def findings(command: list[str], pattern: str) -> list[str]:
    "Lines of a tool's answer that match; an error where the tool itself fails."
    answer = subprocess.run([sys.executable, '-m', *command], cwd=ROOT, capture_output=True, text=True)
    if answer.returncode not in (0, 1):
        raise RuntimeError(f'{" ".join(command)} ended with {answer.returncode}:\n{answer.stdout}{answer.stderr}')
    return [line for line in answer.stdout.splitlines() if re.match(pattern, line)]


def tool_counts(types: bool) -> Iterator[Count]:
    found = findings(['ruff', 'check', '--quiet', '--output-format', 'concise'], r'\S+?:.*\d+:\d+: ')
    yield Count('ruff findings', len(found), found)
    if types:
        found = findings(['mypy', '--no-error-summary'], r'.*: error: ')
        yield Count('mypy errors', len(found), found)


# --------------------------------------------------------------------------------------------------------------- table


def counts(types: bool) -> Iterator[Count]:
    modules, notebooks = read_modules(), read_notebooks()
    yield from import_counts(modules)
    yield private_names(modules, notebooks)
    yield from cell_counts(notebooks)
    yield from function_counts(modules)
    yield from docstring_counts(modules)
    recorded = [f.stat().st_size for f in (ROOT / 'data_manifests' / 'parity').rglob('*') if f.is_file()]
    yield Count('kilobytes of recorded cases', round(sum(recorded) / 1000))
    yield from tool_counts(types)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument('--check', action='store_true', help='exit with 1 where a promise is broken')
    parser.add_argument('--no-types', action='store_true', help='leave out mypy')
    parser.add_argument('--show', type=int, default=10, metavar='N', help='places named for a broken promise')
    parser.add_argument('--where', metavar='WORDS', help='name the places of every count whose name has these words')
    options = parser.parse_args()

    broken = []
    for count in counts(types=not options.no_types):
        promise = f'≤ {PROMISES[count.name]}' if count.name in PROMISES else ''
        print(
            f'{count.value:8g}{count.unit:2}{promise:6}{"BROKEN  " if count.broken else "":8}{count.name}', flush=True
        )
        broken += [count.name] * count.broken
        if count.broken or options.where and options.where in count.name:
            print(*(f'{"":24}{place}' for place in count.where[: options.show]), sep='\n')
            if len(count.where) > options.show:
                print(f'{"":24}and {len(count.where) - options.show} more')
    return 1 if options.check and broken else 0


if __name__ == '__main__':
    sys.exit(main())
