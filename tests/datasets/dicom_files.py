"""DICOM files for tests, written by pydicom."""

from pathlib import Path

import numpy as np
from pydicom.dataset import Dataset, FileDataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import DigitalXRayImageStorageForPresentation, ExplicitVRLittleEndian


def write_dicom(
    path: Path,
    pixels,
    *,
    bits=16,
    signed=False,
    kind="MONOCHROME2",
    syntax=ExplicitVRLittleEndian,
    encoded=None,
    **tags,
) -> Path:
    """Write ``pixels`` (H, W), or ``encoded`` bytes of them in ``syntax``; ``tags`` are set as they are."""
    meta = FileMetaDataset()
    meta.TransferSyntaxUID = syntax
    meta.MediaStorageSOPClassUID = DigitalXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = "1.2.826.0.1.3680043.8.498.1"
    file = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    file.SOPClassUID, file.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    file.Modality = "DX"
    file.Rows, file.Columns = np.shape(pixels)[:2]
    file.SamplesPerPixel = 1
    file.PhotometricInterpretation = kind
    file.BitsAllocated = 8 if bits <= 8 else 16
    file.BitsStored, file.HighBit, file.PixelRepresentation = bits, bits - 1, int(signed)
    kind_of_number = ("i" if signed else "u") + str(file.BitsAllocated // 8)
    file.PixelData = encapsulate([encoded]) if encoded else np.asarray(pixels, f"<{kind_of_number}").tobytes()
    file["PixelData"].VR = "OB" if bits <= 8 or encoded else "OW"
    for name, value in tags.items():
        setattr(file, name, value)
    file.save_as(path, enforce_file_format=True)
    return path


def table(values, first=0, bits=16) -> list[Dataset]:
    """A modality or VOI table: input ``first`` and below becomes ``values[0]``, and so on."""
    item = Dataset()
    item.add_new("LUTDescriptor", "SS" if first < 0 else "US", [len(values), first, bits])
    item.add_new("LUTData", "US", list(values))
    return [item]
