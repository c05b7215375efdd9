"""`tools/dataset_converters/export_coco.py`: a thin shell of the export."""

import json

import pytest

from model_factory import load_tool
from shard_factory import write_shards


@pytest.fixture
def export(monkeypatch, capsys):
    module = load_tool('dataset_converters/export_coco')

    def run(*arguments):
        argv = ['export_coco.py', *map(str, arguments)]
        monkeypatch.setattr('sys.argv', argv)
        code = module.main()
        return code, *capsys.readouterr()

    return run


def test_export_says_how_to_read_it(export, tmp_path):
    folder = write_shards(tmp_path / 'set', 6, 2)
    out = tmp_path / 'out'
    code, said, _ = export(folder, '--out', out, '--start', 2, '--num', 3)
    assert code == 0
    assert "ann_file='annotations/hands.json'" in said
    content = json.loads((out / 'annotations' / 'hands.json').read_text())
    assert [image['id'] for image in content['images']] == [2, 3, 4]
    files = [path.name for path in sorted(out.glob('images/*/*.jpg'))]
    assert files == [f'{i:09d}.jpg' for i in (2, 3, 4)]


def test_bad_input_is_one_line(export, tmp_path):
    code, _, errors = export(tmp_path / 'none', '--out', tmp_path / 'out')
    assert code == 1
    assert errors.strip().splitlines()[-1].startswith('error: ')
    assert 'no such folder' in errors
