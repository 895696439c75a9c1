"""Training of scl_amp, in images passed a second, beside the bare network and beside the usual pipeline."""

import numpy as np
import torch
from fewshot_bench.plugins.baselines.scl_amp import SclAmp, SclAmpSettings
from PIL import Image
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

from fewshot_bench.baseline import Context
from fewshot_bench.data.labelled import LabelledImages, group_by_class
from fewshot_bench.learn.encoder import Encoder, best_precision, computes_bf16
from fewshot_bench.learn.losses import combined_loss, self_contrastive

IMAGES, CLASSES, STEPS = 960, 3, 15
PRESETS = {
    "quick": ("efficientnet_lite0", 96, 200),
    "scratch": ("resnet18", 64, 200),
    "paper": ("resnet50", 200, 200),
}  # encoder, pixels of a view, of an image
DEVICE = torch.device("cuda" if torch.cuda.is_available() else "cpu")


def train_images(side: int) -> LabelledImages:
    """Grey noise: what it shows does not matter here."""
    pixels = np.random.default_rng(0).integers(0, 256, (IMAGES, 1, side, side), dtype=np.uint8)
    labels = np.arange(IMAGES) % CLASSES
    return group_by_class(
        "noise", pixels, labels.tolist(), list("abc"), [str(i) for i in range(IMAGES)]
    )


def settings(encoder: str, size: int) -> SclAmpSettings:
    passes = STEPS * 3 * SclAmpSettings.batch_size
    precision = best_precision(DEVICE.type, encoder, bf16=computes_bf16(DEVICE))
    return SclAmpSettings(encoder=encoder, image_size=size, passes=passes, precision=precision)


def fit(data: LabelledImages, chosen: SclAmpSettings) -> None:
    """Our training, from uint8 images to the last step."""
    SclAmp(chosen).fit(data, context=Context(DEVICE, 0, lambda images_passed, loss: None))


def bare(chosen: SclAmpSettings) -> None:
    """The network alone, forwards, backwards and one step of Adam, on one batch of views that never changes."""
    encoder = Encoder(chosen).to(DEVICE).to(memory_format=torch.channels_last)
    optimiser = torch.optim.Adam(encoder.parameters(), fused=True)
    views = 255 * torch.rand(
        3 * chosen.batch_size, 1, chosen.image_size, chosen.image_size, device=DEVICE
    )
    for _ in range(STEPS):
        with torch.autocast(DEVICE.type, torch.bfloat16, enabled=chosen.precision == "bf16"):
            features = encoder(views)
        optimiser.zero_grad(set_to_none=True)
        features.float().mean().backward()
        optimiser.step()
    float(features.detach().sum())  # waits for the device


class Pictures(Dataset):
    """PIL images with one transform after another, as most code has it."""

    def __init__(self, data: LabelledImages, size: int) -> None:
        self.pictures = [Image.fromarray(image[0]).convert("RGB") for image in data.images]
        self.labels = data.labels
        tensor = [
            v2.ToImage(),
            v2.ToDtype(torch.float32, scale=True),
            v2.Normalize([0.5] * 3, [0.25] * 3),
        ]
        turns = v2.RandomChoice([v2.RandomRotation((angle, angle)) for angle in (0, 90, 180, 270)])
        crop = v2.RandomResizedCrop(size, scale=(0.2, 1.0))
        self.plain = v2.Compose([v2.Resize((size, size)), *tensor])
        self.view = v2.Compose(
            [crop, turns, v2.RandomHorizontalFlip(), v2.RandomVerticalFlip(), *tensor]
        )

    def __len__(self) -> int:
        return len(self.pictures)

    def __getitem__(self, at: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, int]:
        picture = self.pictures[at]
        return self.plain(picture), self.view(picture), self.view(picture), int(self.labels[at])


def usual(pictures: Pictures, chosen: SclAmpSettings) -> None:
    """The same method with a DataLoader of two workers, in float32."""
    model = SclAmp(chosen)
    model.build(CLASSES, DEVICE)
    parts = model.parts.to(memory_format=torch.contiguous_format).train()
    network, projection, arc = parts["encoder"].backbone, parts["projection"], parts["arc"]
    optimiser = torch.optim.Adam(parts.parameters())
    loader = DataLoader(
        pictures, batch_size=chosen.batch_size, shuffle=True, drop_last=True, num_workers=2
    )
    for step, (image, first, second, labels) in enumerate(loader, 1):
        x, i, j = projection(network(torch.cat([image, first, second]).to(DEVICE))).chunk(3)
        contrastive = self_contrastive(x, i, j, temperature=chosen.temperature)
        margin_loss = arc(x, labels.to(DEVICE))
        loss = combined_loss(contrastive, margin_loss, alpha=chosen.alpha, beta=chosen.beta)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        if step == STEPS:
            break
    float(loss.detach())


def test_training(table):
    preset = "paper" if DEVICE.type == "cuda" else "quick"
    encoder, size, side = PRESETS[preset]
    data, chosen = train_images(side), settings(encoder, size)
    pictures = Pictures(data, size)
    rates = table.interleaved(
        {
            "ours": (lambda: fit(data, chosen), chosen.passes),
            "bare": (lambda: bare(chosen), chosen.passes),
            "usual": (lambda: usual(pictures, chosen), chosen.passes),
        }
    )
    for peer, name, goal in (
        ("bare", "the bare network", 0.9),
        ("usual", "PIL and DataLoader, float32", 3),
    ):
        figures = f"{rates['ours']:,.0f} and {rates[peer]:,.0f}"
        ratio = f"{rates['ours'] / rates[peer]:.2f}x"
        table.add(
            f"images trained a second, preset {preset}, times {name}", ratio, figures, f">= {goal}x"
        )
