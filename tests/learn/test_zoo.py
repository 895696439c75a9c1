"""Any classification network of torchvision or timm gives its features, with published weights or without."""

from pathlib import Path

import pytest
import torch
from torch import nn

from fewshot_bench.errors import Unavailable
from fewshot_bench.learn import zoo
from fewshot_bench.learn.encoder import Encoder, EncoderSettings
from tests.helpers.training import encoder_of

FAMILIES = {  # one of each family of torchvision's that is small, with the length of its features
    "alexnet": 4096, "convnext_tiny": 768, "densenet121": 1024, "efficientnet_b0": 1280, "googlenet": 1024,
    "mnasnet0_5": 1280, "mobilenet_v2": 1280, "mobilenet_v3_small": 1024, "regnet_y_400mf": 440, "resnet18": 512,
    "resnext50_32x4d": 2048, "shufflenet_v2_x0_5": 1024, "squeezenet1_1": 512, "swin_t": 768, "vit_b_32": 768,
}  # fmt: skip


@pytest.mark.parametrize("name", FAMILIES)
def test_a_torchvision_classifier_gives_what_its_last_layer_would_take(name: str):
    encoder = encoder_of(name)
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
        encoder = encoder_of(name, size)
        assert encoder.features == features
        assert encoder.train()(torch.zeros(2, 1, size, size)).shape == (2, features)


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
        encoder_of("resnet18", weights="IMAGENET1K_V1")
    monkeypatch.setattr("torch.hub.get_dir", lambda: str(Path.home() / "hub"))
    with pytest.raises(
        Unavailable, match=r"-o ~/hub/checkpoints/resnet18-"
    ):  # a record names no user's folder
        encoder_of("resnet18", weights="IMAGENET1K_V1")
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
        encoder_of("timm:test_resnet", weights="r160_in1k")


def test_published_weights_are_loaded_with_their_normalisation(published: dict[str, torch.Tensor]):
    encoder = encoder_of("resnet18", weights="IMAGENET1K_V1")
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
    encoder = encoder_of("timm:test_resnet", weights="DEFAULT")
    assert torch.equal(encoder.backbone.state_dict()["conv1.0.weight"], weights["conv1.0.weight"])
    assert encoder.mean.ravel().tolist() == pytest.approx([127.5] * 3)
