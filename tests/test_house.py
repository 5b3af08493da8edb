"""The house rules as checks. Each checker also meets something that breaks its rule."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "src" / "crbeam"
MODULES = sorted(PACKAGE.rglob("*.py"))
NAMES = [str(file.relative_to(PACKAGE)) for file in MODULES]

#: Alarms, not targets: a derivation in its natural order beats fragments with one caller each.
MODULE_LINES, FUNCTION_LINES = 600, 80
DRAWERS = {"utils", "util", "helpers", "misc", "common", "base", "manager", "core", "functions"}
HEAVY = ("scipy", "cvxpy", "matplotlib", "xarray", "pandas", "typer", "rich", "beartype", "hypothesis", "sionna")
#: What design must not see: the scenario, waves, and what makes information maps of both.
BUILDERS = ("builders", "delay_doppler", "near_field", "network", "pulses", "state")
PHYSICS = (
    "crbeam.scenario",
    "crbeam.propagation",
    "crbeam.communication.channels",
    "crbeam.systems",
    *(f"crbeam.information.{name}" for name in BUILDERS),
)
UNITS = ("_m", "_m2", "_s", "_hz", "_rad", "_w", "_mps", "_db", "_dbm", "_w_per_hz", "_wavelengths")
#: A field whose last word is one of these is a quantity with a unit.
QUANTITIES = re.compile(
    r"(angle|azimuth|bandwidth|bias|delay|departure|arrival|distance|doppler|duration|frequency|length|orientation|"
    r"position|power|range|rcs|spacing|speed|time|velocity|wavelength)s?$"
)


@pytest.fixture(scope="module")
def trees():
    """Syntax trees of all modules, by file name."""
    return {name: ast.parse(file.read_text()) for name, file in zip(NAMES, MODULES, strict=True)}


def breakers(trees, checker):
    """What breaks a rule, by file name."""
    return {name: found for name, tree in trees.items() if (found := checker(tree))}


def long_functions(module):
    """Functions whose body, without docstring, is longer than allowed."""
    found = []
    for node in ast.walk(module):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) is not None else node.body
            if body and body[-1].end_lineno - body[0].lineno + 1 > FUNCTION_LINES:
                found.append(node.name)
    return found


def dataclass_call(node):
    """The dataclass decorator of a class, or None."""
    for decorator in node.decorator_list:
        function = decorator.func if isinstance(decorator, ast.Call) else decorator
        if getattr(function, "id", getattr(function, "attr", "")) == "dataclass":
            return decorator
    return None


def mutable_dataclasses(module):
    found = []
    for node in ast.walk(module):
        if isinstance(node, ast.ClassDef) and (decorator := dataclass_call(node)) is not None:
            arguments = decorator.keywords if isinstance(decorator, ast.Call) else []
            if not any(a.arg == "frozen" and getattr(a.value, "value", False) for a in arguments):
                found.append(node.name)
    return found


def fields_without_unit(module):
    """Public number fields of data classes and scenario parts that name a quantity but not its unit."""
    found = []
    for node in ast.walk(module):
        if not isinstance(node, ast.ClassDef) or node.name.startswith("_"):
            continue
        if dataclass_call(node) is None and not any(getattr(base, "id", "") == "ScenarioPart" for base in node.bases):
            continue
        for field in node.body:
            if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name):
                kind, name = ast.unparse(field.annotation), field.target.id
                is_number = re.search(r"\bfloat\b|Float\[|Quantity|Position\(", kind) is not None
                if is_number and QUANTITIES.search(name) and not name.endswith(UNITS):
                    found.append(f"{node.name}.{name}")
    return found


def legacy_randomness(module):
    """Uses of numpy.random other than seeded generators."""
    allowed = {"Generator", "SeedSequence", "default_rng", "BitGenerator"}
    return [
        ast.unparse(node)
        for node in ast.walk(module)
        if isinstance(node, ast.Attribute)
        and ast.unparse(node.value) in ("np.random", "numpy.random")
        and node.attr not in allowed
    ]


def test_modules_are_short_and_have_a_purpose(trees):
    texts = {name: file.read_text() for name, file in zip(NAMES, MODULES, strict=True)}
    assert [name for name, text in texts.items() if len(text.splitlines()) >= MODULE_LINES] == []
    assert [name for name in NAMES if DRAWERS & {Path(name).stem, *Path(name).parts}] == []
    silent = [name for name, text in texts.items() if text.strip() and not ast.get_docstring(trees[name])]
    assert silent == [], "a module says what it is about"


def test_functions_are_short(trees):
    assert breakers(trees, long_functions) == {}


def test_dataclasses_are_frozen(trees):
    assert breakers(trees, mutable_dataclasses) == {}


def test_quantities_carry_their_unit(trees):
    assert breakers(trees, fields_without_unit) == {}


def test_randomness_is_seeded(trees):
    assert breakers(trees, legacy_randomness) == {}


BAD = (
    '''
@dataclass
class Wave:
    delay: float
    delay_s: float
    total_power: Float[np.ndarray, "n"]
    name: str

@dataclasses.dataclass(eq=False)
class Other:
    pass

def draw():
    """Long."""
'''
    + "    np.random.randn(3)\n" * (FUNCTION_LINES + 1)
)


def test_the_checkers_reject():
    bad = ast.parse(BAD)
    assert long_functions(bad) == ["draw"]
    assert mutable_dataclasses(bad) == ["Wave", "Other"]
    assert fields_without_unit(bad) == ["Wave.delay", "Wave.total_power"]
    assert set(legacy_randomness(bad)) == {"np.random.randn"}
    assert breakers({"bad.py": bad, "good.py": ast.parse("x = 1")}, long_functions) == {"bad.py": ["draw"]}


def modules_after(statement):
    code = f"import sys; {statement}; print(*sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    return set(result.stdout.split())


def imported_by(statement):
    return {name.partition(".")[0] for name in modules_after(statement)}


def test_importing_the_package_is_light():
    assert imported_by("import crbeam").isdisjoint(HEAVY)
    assert "matplotlib" in imported_by("import matplotlib")


def physics_after(statement):
    """Modules of the scenario, of waves, and of what makes information maps of both, that are loaded."""
    return {name for name in modules_after(statement) if (name + ".").startswith(tuple(f"{each}." for each in PHYSICS))}


def test_design_loads_no_physics():
    """At run time too, whatever a package's own imports bring along."""
    assert physics_after("import crbeam.design, crbeam.design.methods") == set()
    assert physics_after("import crbeam.design, crbeam.communication.channels") > {"crbeam.scenario"}


def test_the_public_names_exist():
    import crbeam

    for name in crbeam.__all__:
        assert getattr(crbeam, name) is not None
    with pytest.raises(AttributeError):
        _ = crbeam.no_such_name


def lint(config):
    command = [str(Path(sys.executable).with_name("lint-imports")), "--config", str(config), "--no-cache"]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)


def test_layers():
    result = lint(ROOT / "pyproject.toml")
    assert result.returncode == 0, result.stdout


def test_the_layer_check_rejects_an_import_from_above(tmp_path):
    wrong = tmp_path / "layers.toml"
    wrong.write_text(
        '[tool.importlinter]\nroot_package = "crbeam"\n[[tool.importlinter.contracts]]\nname = "upside down"\n'
        'type = "layers"\ncontainers = ["crbeam"]\nlayers = ["scenario", "systems"]\n'
    )
    result = lint(wrong)
    assert result.returncode != 0
    assert "BROKEN" in result.stdout


def test_no_method_imports_another_and_design_sees_no_physics():
    """The same rule read from the sources, so that it holds for imports inside functions too."""
    for file in (PACKAGE / "design").rglob("*.py"):
        names = set(re.findall(r"^\s*(?:from|import) (crbeam[\w.]*)", file.read_text(), re.MULTILINE))
        assert not [name for name in names if name.startswith(PHYSICS)], file.name
        if file.parent.name == "methods" and file.stem != "__init__":
            assert not [name for name in names if name.startswith("crbeam.design.methods")], file.name


def test_every_builder_of_maps_is_barred_from_design():
    """The list of builders is complete: they are what imports the scenario or waves in `information`."""
    found = {
        file.stem
        for file in (PACKAGE / "information").glob("*.py")
        if re.search(r"^\s*from crbeam\.(scenario|propagation)", file.read_text(), re.MULTILINE)
    }
    assert found <= set(BUILDERS)
    contract = (ROOT / "pyproject.toml").read_text()
    assert all(f'"{name}"' in contract for name in PHYSICS if name != "crbeam.systems")


def test_only_tests_use_the_testing_package():
    users = [file for file in MODULES if "crbeam.testing" in file.read_text() and "testing" not in file.parts]
    assert users == []


#: Traces of how the repository was made, of one machine, or of one network; none of them helps a reader.
TRACES = re.compile(
    r"/work/|/home/\w|/root/|/tmp/\w|\.\./shared|shared/(?:notes|reference|papers)|"
    r"\b(?:issue|ticket)s? #?\d|\bas (?:an? )?(?:AI|language model)\b|\b(?:claude|anthropic|chatgpt|copilot)\b|"
    r"\b(?:coding|helper|lead|sub)[ -]?agents?\b|\bco-authored-by\b|\bhttps?://[\w.-]*(?:pypi|registry|mirror|artifactory)",
    re.IGNORECASE,
)


def tracked_text():
    """Files of the repository (or about to be), with their text."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    names = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()
    for name in names:
        file = ROOT / name
        if file.is_file() and file != Path(__file__) and file.stat().st_size < 1_000_000:
            try:
                yield name, file.read_text(encoding="utf-8")
            except UnicodeDecodeError:
                continue


def test_nothing_mentions_how_or_where_it_was_made():
    found = [f"{name}: {match.group()}" for name, text in tracked_text() for match in TRACES.finditer(text)]
    assert found == []


@pytest.mark.parametrize("text", ["see /work/x", "fixes issue #2", "in ../shared/notes", "from /home/me/file"])
def test_the_trace_check_rejects(text):
    assert TRACES.search(text)
    assert not TRACES.search("An outstanding issue of the matrix, at work; the home of arrays; /tmp is for the system.")
