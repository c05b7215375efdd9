"""Set-up: idempotent, permitted steps only, one line for the rest."""

import importlib.util
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest


@pytest.fixture
def script(root: Path) -> ModuleType:
    """The script as it is."""
    spec = importlib.util.spec_from_file_location(
        'setup_env', root / 'tools' / 'setup_env.py'
    )
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def setup(
    script: ModuleType, root: Path, tmp_path: Path, monkeypatch
) -> ModuleType:
    """The script on an empty checkout, permitted to run nothing."""
    module = script
    (tmp_path / 'requirements').mkdir()
    (tmp_path / 'tools').mkdir()
    for name in (
        'pyproject.toml',
        'requirements/openmmlab.txt',
        'tools/setup_env.py',
    ):
        (tmp_path / name).write_bytes((root / name).read_bytes())
    venv = tmp_path / '.venv'
    (venv / 'bin').mkdir(parents=True)
    (venv / 'bin' / 'python').touch()
    monkeypatch.setattr(module, 'ROOT', tmp_path)
    monkeypatch.setattr(module, 'REQUIREMENTS', tmp_path / 'requirements')
    monkeypatch.setattr(module, 'VENV', venv)
    monkeypatch.setattr(module, 'PYTHON', venv / 'bin' / 'python')
    monkeypatch.setattr(module, 'STAMP', venv / 'stamp')
    monkeypatch.setattr(module, 'run', forbidden)
    monkeypatch.delenv('SYNHAND_TORCH_INDEX', raising=False)
    monkeypatch.setattr(sys, 'argv', ['setup_env.py'])
    return module


def forbidden(*command: str, **options: str) -> str:
    raise AssertionError(f'must not run {command}')


def recorded(setup: ModuleType, monkeypatch) -> list:
    """Commands that set-up would run."""
    commands: list = []

    def run(*command: str, **options: str) -> str:
        commands.append(' '.join(command))
        return ''

    monkeypatch.setattr(setup, 'run', run)
    return commands


def error_of(setup: ModuleType) -> str:
    with pytest.raises(SystemExit) as error:
        setup.main()
    message = error.value.code
    assert isinstance(message, str)
    assert message.startswith('setup: ')
    assert '\n' not in message
    return message


@pytest.mark.parametrize(
    'changed', ['pyproject.toml', 'requirements/openmmlab.txt']
)
def test_stamp_holds_until_a_requirement_changes(
    setup: ModuleType, tmp_path: Path, changed: str
) -> None:
    assert not setup.is_current()
    setup.STAMP.write_text(setup.fingerprint())
    assert setup.is_current()
    with (tmp_path / changed).open('a') as file:
        file.write('# changed\n')
    assert not setup.is_current()


def test_second_run_does_nothing(setup: ModuleType, monkeypatch) -> None:
    setup.STAMP.write_text(setup.fingerprint())
    monkeypatch.setattr(setup, 'set_up', forbidden)
    setup.main()


def test_stamp_is_written_only_after_the_check(
    setup: ModuleType, monkeypatch
) -> None:
    def fail() -> None:
        raise setup.SetupError('no EGL')

    recorded(setup, monkeypatch)
    monkeypatch.setattr(setup, 'prepare_system', lambda: None)
    monkeypatch.setattr(setup, 'check', fail)
    monkeypatch.setattr(setup, 'installed_packages', lambda: {})
    assert 'no EGL' in error_of(setup)
    assert not setup.STAMP.exists()


def test_missing_venv_without_apt_ends_in_the_command_to_run(
    setup: ModuleType, monkeypatch
) -> None:
    monkeypatch.setattr(setup, 'missing_for_python', lambda: ['python3-venv'])
    monkeypatch.setattr(setup, 'missing_for_gl', lambda: ['libegl1'])
    monkeypatch.setattr(setup, 'apt_prefix', lambda: None)
    line = error_of(setup)
    assert 'apt-get install -y --no-install-recommends' in line
    assert line.endswith('python3-venv libegl1')


def test_missing_packages_are_installed_where_permitted(
    setup: ModuleType, monkeypatch
) -> None:
    commands = recorded(setup, monkeypatch)
    monkeypatch.setattr(setup, 'missing_for_python', list)
    monkeypatch.setattr(setup, 'missing_for_gl', lambda: ['libegl1'])
    monkeypatch.setattr(setup, 'apt_prefix', lambda: ('sudo', '-n'))
    setup.prepare_system()
    update, install = commands
    assert update.startswith('sudo -n env ')
    assert update.endswith('apt-get update -qq')
    assert install.endswith(' libegl1')


def test_missing_gl_without_apt_is_left_to_the_check(
    setup: ModuleType, monkeypatch
) -> None:
    monkeypatch.setattr(setup, 'missing_for_python', list)
    monkeypatch.setattr(setup, 'missing_for_gl', lambda: ['libegl1'])
    monkeypatch.setattr(setup, 'apt_prefix', lambda: None)
    setup.prepare_system()
    recorded(setup, monkeypatch)
    monkeypatch.setattr(setup, 'succeeds', lambda *command: False)
    with pytest.raises(setup.SetupError, match='OpenGL.*apt-get.*libegl1'):
        setup.check()


def test_apt_needs_root_or_sudo_without_password(
    setup: ModuleType, monkeypatch
) -> None:
    monkeypatch.setattr(setup.shutil, 'which', lambda name: f'/bin/{name}')
    monkeypatch.setattr(setup.os, 'geteuid', lambda: 0)
    assert setup.apt_prefix() == ()
    monkeypatch.setattr(setup.os, 'geteuid', lambda: 1000)
    monkeypatch.setattr(setup, 'succeeds', lambda *command: True)
    assert setup.apt_prefix() == ('sudo', '-n')
    monkeypatch.setattr(setup, 'succeeds', lambda *command: False)
    assert setup.apt_prefix() is None
    monkeypatch.setattr(setup.shutil, 'which', lambda name: None)
    assert setup.apt_prefix() is None


def test_old_python_ends_in_one_line(setup: ModuleType, monkeypatch) -> None:
    monkeypatch.setattr(setup, 'OLDEST_PYTHON', (99, 0))
    assert 'Python' in error_of(setup)


@pytest.mark.parametrize(
    'original', ['mmcv', 'mmcv-lite', 'mmengine', 'mmdet']
)
def test_original_beside_its_fork_is_refused(
    setup: ModuleType, original: str
) -> None:
    setup.refuse_originals({'onedl-mmcv': '2.3.6', 'numpy': '2.0.0'})
    with pytest.raises(setup.SetupError) as error:
        setup.refuse_originals({original: '2.1.0', 'numpy': '2.0.0'})
    assert str(error.value).startswith(f'{original} installs the same folder')
    assert f'uninstall -y {original} onedl-mm' in str(error.value)


def test_original_is_seen_after_the_first_set_up(
    setup: ModuleType, monkeypatch
) -> None:
    setup.STAMP.write_text(setup.fingerprint())
    monkeypatch.setattr(setup, 'set_up', forbidden)
    packages = setup.VENV / 'lib' / 'python3.11' / 'site-packages'
    (packages / 'onedl_mmcv-2.3.6.dist-info').mkdir(parents=True)
    setup.main()
    (packages / 'mmcv-2.1.0.dist-info').mkdir()
    assert 'mmcv installs the same folder' in error_of(setup)


def test_environment_without_pip_is_made_again(
    setup: ModuleType, monkeypatch
) -> None:
    commands = recorded(setup, monkeypatch)
    monkeypatch.setattr(setup, 'system_torch_fits', lambda: False)
    monkeypatch.setattr(setup, 'succeeds', lambda *command: True)
    setup.make_venv()
    assert not commands
    monkeypatch.setattr(setup, 'succeeds', lambda *command: False)
    setup.make_venv()
    assert '-m venv' in commands[0]


@pytest.mark.parametrize('there', ['2.6.0', '2.13.0+cpu', '2.14.0a0+git1'])
def test_existing_torch_is_kept(setup: ModuleType, there: str) -> None:
    setup.install_torch({'torch': there})


@pytest.mark.parametrize(
    ('version', 'kept'), [('2.12.1+cu130', True), ('2.4.0', False)]
)
def test_torch_of_the_system_is_seen_from_the_environment(
    setup: ModuleType, monkeypatch, version: str, kept: bool
) -> None:
    commands = recorded(setup, monkeypatch)
    setup.PYTHON.unlink()
    monkeypatch.setattr(sys, 'prefix', sys.base_prefix)
    monkeypatch.setattr('importlib.metadata.version', lambda name: version)
    setup.make_venv()
    (command,) = commands
    assert ('--system-site-packages' in command) is kept


@pytest.mark.parametrize(
    ('gpu', 'index', 'extra'),
    [
        (False, None, ''),
        (False, 'file:///wheels', ' --extra-index-url file:///wheels'),
        (True, 'file:///wheels', ''),
    ],
)
def test_torch_for_the_machine(
    setup: ModuleType, monkeypatch, gpu: bool, index: str, extra: str
) -> None:
    commands = recorded(setup, monkeypatch)
    monkeypatch.setattr(setup, 'succeeds', lambda *command: gpu)
    if index:
        monkeypatch.setenv('SYNHAND_TORCH_INDEX', index)
    setup.install_torch({'torch': '2.4.0'})
    (command,) = commands
    assert command.endswith(setup.TORCH + extra)


def test_operators_are_compiled_from_the_pinned_source(
    setup: ModuleType, monkeypatch
) -> None:
    commands = recorded(setup, monkeypatch)
    setup.compile_operators()
    build = next(c for c in commands if '--no-build-isolation' in c)
    assert '--no-binary onedl-mmcv onedl-mmcv==' in build
    # A cached wheel would be the pure-Python one.
    assert '--no-cache-dir' in build


def test_failing_command_shows_its_last_words(
    script: ModuleType, capsys
) -> None:
    code = "print('why'); raise SystemExit(1)"
    with pytest.raises(script.SetupError, match='it broke'):
        script.run(sys.executable, '-c', code, fails_as='it broke')
    assert 'why' in capsys.readouterr().err


def test_packages_of_an_environment_are_listed(script: ModuleType) -> None:
    script.PYTHON = Path(sys.executable)
    found = script.installed_packages()
    assert found['onedl-mmengine'] == '0.10.12'
    assert script.numbers(found['numpy']) >= (2, 0)


def test_run_from_anywhere_says_its_flags(root: Path, tmp_path: Path) -> None:
    script = root / 'tools' / 'setup_env.py'
    done = subprocess.run(
        [sys.executable, script, '--help'],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert '--ops' in done.stdout
