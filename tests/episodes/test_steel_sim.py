"""Simulated steel surfaces depend on their seed and version alone."""

from pathlib import Path

import numpy as np
import pytest
from fewshot_bench.plugins.episodes.steel_sim import SteelSim, SteelSimSettings

from fewshot_bench.errors import UserError
from fewshot_bench.planning.resolve import resolve_episodes
from fewshot_bench.registry.registry import Registry
from fewshot_bench.request import Request

# of the data that release 0.1.0 drew with these settings
DIGESTS_OF_VERSION_1 = {
    (4, 32, 0): "05e422aea9febf4ef4d45a687c3621c34b9b4cc57c9e6ae2c400a138e4d687ba",
    (3, 64, 5): "fcd74f24a6e03cb3bf34f3f8673220646d1de77110f2cf307714b5241189edcf",
}
DEFAULT_DIGEST_OF_VERSION_1 = "8739e8f1a1b6a512bb12f85b836133259916802928209738f140ffe75fd25286"


def small(**settings: int) -> SteelSim:
    sizes = {"per_class": 4, "side": 32}
    return SteelSim(SteelSimSettings(**{**sizes, **settings}))


@pytest.mark.parametrize("version", [1, 2])
def test_images_depend_on_the_seed_alone(version: int):
    first = small(version=version).load(None)
    assert first.images.shape == (24, 1, 32, 32)
    assert small(version=version)._generate().digest == first.digest
    assert small(version=version, seed=1).load(None).digest != first.digest
    more = small(version=version, per_class=6).load(None)
    # image i of a class is the same however many there are
    assert np.array_equal(more.images[:4], first.images[:4])


def test_a_path_is_refused():
    with pytest.raises(UserError, match="reads no data"):
        small().load(Path())


@pytest.mark.parametrize("case", DIGESTS_OF_VERSION_1)
def test_version_1_is_what_it_was(case: tuple[int, int, int]):
    per_class, side, seed = case
    settings = SteelSimSettings(per_class=per_class, side=side, seed=seed, version=1)
    assert SteelSim(settings)._generate().digest == DIGESTS_OF_VERSION_1[case]


@pytest.mark.slow
def test_the_default_images_of_version_1_are_what_they_were():
    data = SteelSim(SteelSimSettings(version=1))._generate()
    assert data.digest == DEFAULT_DIGEST_OF_VERSION_1


def test_versions_share_classes_and_files_but_no_image():
    first = small(version=1).load(None)
    second = small().load(None)
    assert second.class_names == first.class_names
    assert second.files == first.files
    same = (second.images == first.images).all(axis=(1, 2, 3))
    assert not same.any()


@pytest.mark.parametrize(("settings", "version"), [({}, 2), ({"steel-sim.version": "1"}, 1)])
@pytest.mark.parametrize("protocol", [protocol.name for protocol in SteelSim.protocols])
def test_protocols_have_the_version_of_the_images(
    protocol: str, settings: dict[str, str], version: int
):
    sizes = {"steel-sim.per_class": "60", "steel-sim.side": "32"}
    request = Request(protocol=protocol, settings={**sizes, **settings})
    _, episode_sets = resolve_episodes(request, Registry())
    assert {episode_set.protocol.version for episode_set in episode_sets} == {version}


def test_the_listed_protocols_are_those_of_the_default_version():
    assert small().versioned_protocols() == SteelSim.protocols
    assert small(version=1).versioned_protocols() != SteelSim.protocols


@pytest.mark.parametrize("text", ["3", "0", "two", "1.0", ""])
def test_an_unknown_version_is_an_error(text: str):
    with pytest.raises(UserError, match=r"version '.*'.*1, 2"):
        SteelSimSettings.given("steel-sim", {"version": text})
