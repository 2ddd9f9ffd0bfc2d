"""A folder of images keeps the promises of every data set."""

import pytest
from fledge import Dataset
from fledge.testing import DatasetContract
from fledge_imagefolder.dataset import ImageFolder
from fledge_imagefolder.options import ImageFolderOptions
from PIL import Image


class TestImageFolder(DatasetContract):
    @pytest.fixture
    def dataset(self, tmp_path_factory: pytest.TempPathFactory) -> Dataset:
        root = tmp_path_factory.mktemp("photos")
        for label, kind in enumerate(("ants", "bees")):
            (root / kind).mkdir()
            for number in range(10):
                Image.effect_noise((30 + number, 40), 20 + label).convert("RGB").save(root / kind / f"{number}.jpg")
        return ImageFolder(ImageFolderOptions(root=root))
