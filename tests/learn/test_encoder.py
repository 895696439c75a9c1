"""Encoders: any classification network of torchvision or timm gives its features, with published weights or without."""

import dataclasses
from pathlib import Path

import pytest
import torch
from torch import nn

from fewshot_bench import api
from fewshot_bench.data.labelled import LabelledImages
from fewshot_bench.errors import Unavailable, UserError
from fewshot_bench.learn import zoo
from fewshot_bench.learn.encoder import Encoder, EncoderSettings
from fewshot_bench.planning.plan import make_plan
from fewshot_bench.registry.registry import Registry
from tests.helpers.command_line import TINY
from tests.helpers.plugin_files import plugin
from tests.helpers.runs import QUICK
from tests.helpers.training import CPU, fitted, images


def made(name: str, size: int = 64, weights: str = "none") -> Encoder:
    return Encoder(EncoderSettings(encoder=name, image_size=size, weights=weights))


FAMILIES = {  # one of each family of torchvision's that is small, with the length of its features
    "alexnet": 4096, "convnext_tiny": 768, "densenet121": 1024, "efficientnet_b0": 1280, "googlenet": 1024,
    "mnasnet0_5": 1280, "mobilenet_v2": 1280, "mobilenet_v3_small": 1024, "regnet_y_400mf": 440, "resnet18": 512,
    "resnext50_32x4d": 2048, "shufflenet_v2_x0_5": 1024, "squeezenet1_1": 512, "swin_t": 768, "vit_b_32": 768,
}  # fmt: skip


@pytest.mark.parametrize("name", FAMILIES)
def test_a_torchvision_classifier_gives_what_its_last_layer_would_take(name: str):
    encoder = made(name)
    assert encoder.features == FAMILIES[name]
    batch = torch.randint(0, 256, (2, 1, 64, 64), dtype=torch.uint8).float()
    features = encoder.train()(batch)
    assert features.shape == (2, FAMILIES[name])
    features.sum().backward()  # it can be trained
    assert not any(part.shape[:1] == (1000,) for part in encoder.state_dict().values()), (
        "a classifier of ImageNet is left"
    )


def test_every_classifier_of_torchvision_has_a_last_layer_of_a_thousand_classes():
    """On the meta device, where a network costs nothing; some of RegNet's constructors cannot be run there."""
    models = zoo.Torchvision()
    for name in models.names():
        if name.startswith("regnet"):
            continue
        with torch.device("meta"):
            module = models.make(name, 224, "none", fetch=False).module
        widths = [part.out_features for part in module.modules() if isinstance(part, nn.Linear)]
        assert 1000 not in widths, name


@pytest.mark.parametrize(
    ("name", "features"),
    [("timm:test_resnet", 96), ("timm:test_vit", 64), ("timm:mobilenetv3_small_050", 1024)],
)
def test_a_timm_network_takes_any_image_size(name: str, features: int):
    for size in (64, 96):
        encoder = made(name, size)
        assert encoder.features == features
        assert encoder.train()(torch.zeros(2, 1, size, size)).shape == (2, features)


def test_an_encoder_normalises_inside():
    encoder = made("resnet50").eval()
    assert encoder.features == 2048
    with torch.inference_mode():
        seen = []
        encoder.backbone.conv1.register_forward_pre_hook(
            lambda module, inputs: seen.append(inputs[0])
        )
        encoder(torch.tensor([0.0, 255.0]).view(2, 1, 1, 1).expand(-1, -1, 64, 64))
    assert seen[0].unique().tolist() == [-2.0, 2.0]
    assert seen[0].shape[1] == 3


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"encoder": "resnet19"}, "did you mean 'resnet18'"),
        (
            {"encoder": "timm:resnet19"},
            "unknown encoder 'timm:resnet19'; did you mean 'timm:resnet",
        ),
        ({"weights": "IMAGENET1K_V3"}, "did you mean 'IMAGENET1K_V1'"),
        (
            {"encoder": "timm:mixer_s16_224", "weights": "DEFAULT"},
            r"unknown weights of timm:mixer_s16_224 .* .allowed: none",
        ),
        ({"image_size": 8}, "image_size=8 is out of bounds"),
        (
            {"encoder": "inception_v3"},
            r"image_size=64 is not taken by inception_v3 \(.*\); give another with --image-size",
        ),
        ({"encoder": "vit_b_32", "image_size": 50}, "image_size=50 is not taken by vit_b_32"),
        ({"encoder": "timm:resnet10t.c3_in1k"}, "say --encoder timm:resnet10t --weights c3_in1k"),
    ],
)
def test_settings_are_checked(changes: dict[str, object], expected: str):
    with pytest.raises(UserError, match=expected) as error:
        EncoderSettings(**changes)  # type: ignore[arg-type]
    assert len(str(error.value)) < 2000


def test_default_weights_are_recorded_under_the_name_they_stand_for():
    assert EncoderSettings(weights="DEFAULT").weights == "IMAGENET1K_V1"
    assert (
        EncoderSettings.given("x", {"encoder": "resnet50", "weights": "DEFAULT"}).weights
        == "IMAGENET1K_V2"
    )
    frozen = Registry().baseline("frozen").load().settings_type
    assert frozen.given("frozen", {"encoder": "resnet50"}).as_dict()["weights"] == "IMAGENET1K_V2"
    timm = EncoderSettings(encoder="timm:resnet18", weights="DEFAULT").weights
    assert timm in zoo.Timm().weights("timm:resnet18")
    with pytest.raises(
        UserError, match=r"weights=none is out of bounds .allowed: published ones; untrained"
    ):
        frozen(weights="none")


def offline(*args: object, **options: object) -> None:
    raise OSError("no route to host")


def test_weights_that_cannot_be_fetched_come_with_the_command_that_fetches_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    monkeypatch.setattr("torch.hub.download_url_to_file", offline)
    monkeypatch.setattr("torch.hub.get_dir", lambda: str(tmp_path))
    with pytest.raises(
        Unavailable,
        match=r"V1 of resnet18 cannot be had .no route.*: curl --create-dirs -o .*resnet18-",
    ):
        made("resnet18", weights="IMAGENET1K_V1")
    monkeypatch.setattr("torch.hub.get_dir", lambda: str(Path.home() / "hub"))
    with pytest.raises(
        Unavailable, match=r"-o ~/hub/checkpoints/resnet18-"
    ):  # a record names no user's folder
        made("resnet18", weights="IMAGENET1K_V1")
    import timm

    monkeypatch.setattr("timm.models._builder.load_state_dict_from_hf", offline)
    monkeypatch.setattr("timm.models._builder.load_state_dict_from_url", offline)
    elsewhere = next(  # published, and not on the hub
        name
        for name in timm.list_models()
        if (c := timm.get_pretrained_cfg(name)) and c.url and not c.hf_hub_id and c.has_weights
    )
    settings = EncoderSettings(encoder=f"timm:{elsewhere}", image_size=224, weights="DEFAULT")
    with pytest.raises(Unavailable, match=r"fetch them with: curl --create-dirs -o \S+ https://"):
        Encoder(settings)
    with pytest.raises(
        Unavailable,
        match=r"r160_in1k of timm:test_resnet cannot be had .*: hf download timm/test_resnet.r160",
    ):
        made("timm:test_resnet", weights="r160_in1k")


def test_published_weights_are_loaded_with_their_normalisation(published: dict[str, torch.Tensor]):
    encoder = made("resnet18", weights="IMAGENET1K_V1")
    assert torch.equal(encoder.backbone.state_dict()["conv1.weight"], published["conv1.weight"])
    assert encoder.mean.ravel().tolist() == pytest.approx(
        [255 * mean for mean in (0.485, 0.456, 0.406)]
    )


@pytest.mark.filterwarnings("ignore:The default weight initialization")
@pytest.mark.parametrize(
    ("name", "size"), [("googlenet", 64), ("vit_b_32", 96), ("shufflenet_v2_x0_5", 64)]
)
def test_a_checkpoint_gives_back_an_encoder_with_published_weights(
    monkeypatch: pytest.MonkeyPatch, name: str, size: int
):
    """Also where the weights decide how the network is built, and of another image size than theirs."""
    import torchvision

    torch.manual_seed(3)
    weights = torchvision.models.get_model(name, weights=None).state_dict()
    monkeypatch.setattr(
        "torchvision.models._api.load_state_dict_from_url", lambda *args, **options: dict(weights)
    )
    settings = EncoderSettings(encoder=name, image_size=size, weights="DEFAULT")
    made, copy = Encoder(settings).eval(), Encoder(settings, fetch=False).eval()
    copy.load_state_dict(made.state_dict())
    batch = torch.randint(
        0, 256, (2, 1, size, size), generator=torch.Generator().manual_seed(0)
    ).float()
    with torch.inference_mode():
        assert torch.equal(made(batch), copy(batch))
    shared = [key for key in made.backbone.state_dict() if "pos_embedding" not in key]
    assert all(torch.equal(made.backbone.state_dict()[key], weights[key]) for key in shared)


def test_published_weights_of_timm_are_loaded_with_their_normalisation(
    monkeypatch: pytest.MonkeyPatch,
):
    import timm

    weights = timm.create_model("test_resnet").state_dict()
    monkeypatch.setattr(
        "timm.models._builder.load_state_dict_from_hf", lambda *args, **options: dict(weights)
    )
    encoder = made("timm:test_resnet", weights="DEFAULT")
    assert torch.equal(encoder.backbone.state_dict()["conv1.0.weight"], weights["conv1.0.weight"])
    assert encoder.mean.ravel().tolist() == pytest.approx([127.5] * 3)


def test_frozen_is_the_published_encoder(blobs: LabelledImages, published: dict[str, torch.Tensor]):
    baseline, history = fitted("frozen", blobs.subset(blobs.class_names[:3]))
    assert history == []
    encoder = made("resnet18", 32, "IMAGENET1K_V1").eval()
    with torch.inference_mode():
        expected = encoder(images(blobs).float())
    assert torch.allclose(baseline.embed(images(blobs)), expected, atol=1e-5)


def test_a_frozen_encoder_stays_as_it_was_made_and_its_head_learns(blobs: LabelledImages):
    train = blobs.subset(blobs.class_names[:3])
    frozen, _ = fitted("resnet", train, freeze=True)
    untrained, _ = fitted("untrained", train)
    assert torch.equal(frozen.embed(images(blobs)), untrained.embed(images(blobs)))
    other, _ = fitted("resnet", train, freeze=True, passes=32)
    assert not torch.equal(frozen.state()["classifier.weight"], other.state()["classifier.weight"])
    with pytest.raises(
        UserError, match="freeze=true leaves it nothing to train; leave --freeze out"
    ):
        fitted("protonet", train, freeze=True)


def test_an_encoder_is_chosen_for_all_that_have_one(bench, tmp_path: Path):
    words = (
        "run",
        *TINY,
        "--shots",
        "1",
        "--budget",
        "64",
        "--baselines",
        "resnet,untrained",
        "--device",
        "cpu",
    )
    status, _, err = bench(
        *words, "--encoder", "timm:test_resnet", "--image-size", "48", "--out", tmp_path / "out"
    )
    assert status == 0, err
    table = api.leaderboard(tmp_path / "out")
    assert set(table["encoder"]) == {"timm:test_resnet"}
    assert set(table["image_size"]) == {48}
    status, _, err = bench(*words, "--encoder", "inception_v3", "--out", tmp_path / "out")
    assert status == 2
    assert "image_size=64 is not taken by inception_v3" in err
    status, _, err = bench(
        "run", *TINY, "--baselines", "pixels", "--freeze", "--out", tmp_path / "out"
    )
    assert (status, err.count("\n")) == (2, 1)
    assert "--freeze is for none of the baselines pixels" in err


def test_load_gives_back_what_was_frozen(blobs: LabelledImages):
    from fewshot_bench.baseline import Context

    baseline, _ = fitted("resnet", blobs.subset(blobs.class_names[:3]), freeze=True)
    copy = type(baseline)(baseline.settings)
    copy.load(baseline.state(), context=Context(CPU, 0, lambda passed, loss: None))
    assert torch.equal(baseline.embed(images(blobs)), copy.embed(images(blobs)))


def test_what_a_method_chooses_itself_no_preset_changes():
    path = plugin("own_network")
    plan = make_plan(
        dataclasses.replace(QUICK, baselines=["own_network", "untrained"]), Registry([path])
    )
    own, other = (training.settings for training in plan.trainings)
    assert (own.encoder, own.image_size, other.encoder) == ("mobilenet_v3_small", 64, "resnet18")
    plan = make_plan(
        dataclasses.replace(QUICK, baselines=["own_network"], encoder="resnet18"), Registry([path])
    )
    assert [training.settings.encoder for training in plan.trainings] == ["resnet18"]
    assert set(api.check([str(path)])["status"]) == {"ok"}
