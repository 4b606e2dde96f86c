# Generated from caffe.proto by `python -m brewbench.proto.generate`; do not edit.
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar

from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.internal.containers import RepeatedCompositeFieldContainer, RepeatedScalarFieldContainer
from google.protobuf.internal.enum_type_wrapper import EnumTypeWrapper
from google.protobuf.message import Message

pool: DescriptorPool


class Phase(int, metaclass=EnumTypeWrapper):
    """What a net is being run for."""
    TRAIN: ClassVar[Phase]
    """Learning: dropout drops, crops are random, batch statistics are gathered."""
    TEST: ClassVar[Phase]
    """Measuring or using: nothing is random and stored statistics are used."""
TRAIN: Phase
TEST: Phase


class NetParameter(Message):
    """A whole net: its layers in the order they run, and a few settings for all of them."""
    name: str
    """Names the net in logs, in pictures and in the weights it saves."""
    layer: RepeatedCompositeFieldContainer[LayerParameter]
    """The layers in the order they run; a blob must be made by an earlier layer than the one that reads it."""
    state: NetState
    """Phase, level and stages this net is built for, which decide the layers that include and exclude rules keep."""
    force_backward: bool
    """Computes gradients for every layer and input, also where nothing learns; needed to look at input gradients."""
    debug_info: bool
    """Logs the mean size of every blob, weight and gradient at each step, which finds vanishing or exploding values."""
    input: RepeatedScalarFieldContainer[str]
    """Names of blobs fed from outside, in the old style; an Input layer takes their place."""
    input_shape: RepeatedCompositeFieldContainer[BlobShape]
    """One shape for each name in input, in the old style; an Input layer takes their place."""
    input_dim: RepeatedScalarFieldContainer[int]
    """Four numbers (N, C, H, W) for each name in input, in the oldest style; an Input layer takes their place."""
    layers: RepeatedCompositeFieldContainer[V1LayerParameter]
    """Layers in the format used before 2014, upgraded to layer when the net is read."""
    def __init__(
        self,
        *,
        name: str | None = ...,
        layer: Iterable[LayerParameter | Mapping[str, Any]] | None = ...,
        state: NetState | Mapping[str, Any] | None = ...,
        force_backward: bool | None = ...,
        debug_info: bool | None = ...,
        input: Iterable[str] | None = ...,
        input_shape: Iterable[BlobShape | Mapping[str, Any]] | None = ...,
        input_dim: Iterable[int] | None = ...,
        layers: Iterable[V1LayerParameter | Mapping[str, Any]] | None = ...,
    ) -> None: ...


class NetState(Message):
    """The situation a net is built for; layers can ask for some situations and refuse others."""
    phase: int
    """Whether the net is built for training or for testing."""
    level: int
    """A number that min_level and max_level of layer rules are compared with."""
    stage: RepeatedScalarFieldContainer[str]
    """Free labels that stage and not_stage of layer rules look for."""
    def __init__(
        self,
        *,
        phase: int | str | None = ...,
        level: int | None = ...,
        stage: Iterable[str] | None = ...,
    ) -> None: ...


class NetStateRule(Message):
    """One condition on the net's state; all that is written in it must hold for the rule to match."""
    phase: int
    """Matches only nets of this phase; unset, the phase does not matter."""
    min_level: int
    """Matches only nets whose level is at least this."""
    max_level: int
    """Matches only nets whose level is at most this."""
    stage: RepeatedScalarFieldContainer[str]
    """Matches only nets that carry every one of these stages."""
    not_stage: RepeatedScalarFieldContainer[str]
    """Matches only nets that carry none of these stages."""
    def __init__(
        self,
        *,
        phase: int | str | None = ...,
        min_level: int | None = ...,
        max_level: int | None = ...,
        stage: Iterable[str] | None = ...,
        not_stage: Iterable[str] | None = ...,
    ) -> None: ...


class LayerParameter(Message):
    """One layer: what it computes, which blobs it reads and which it makes."""
    name: str
    """Names the layer; saved weights are matched to layers by this name."""
    type: str
    """The kind of layer, such as Convolution or ReLU."""
    bottom: RepeatedScalarFieldContainer[str]
    """Names of the blobs the layer reads, in the order its type expects."""
    top: RepeatedScalarFieldContainer[str]
    """Names of the blobs the layer makes; the same name as a bottom computes in place."""
    param: RepeatedCompositeFieldContainer[ParamSpec]
    """Learning rate, decay and sharing for each learnable blob of the layer, usually weights first and bias second."""
    include: RepeatedCompositeFieldContainer[NetStateRule]
    """Keeps the layer only where at least one of these rules matches; not to be combined with exclude."""
    exclude: RepeatedCompositeFieldContainer[NetStateRule]
    """Leaves the layer out wherever one of these rules matches; not to be combined with include."""
    loss_weight: RepeatedScalarFieldContainer[float]
    """Factor with which each top enters the total loss; 0 keeps a top out of it."""
    propagate_down: RepeatedScalarFieldContainer[bool]
    """Whether gradients flow on to each bottom; false cuts everything below off from learning through this layer."""
    phase: int
    """The phase this layer runs in, filled in by the net; a value written here is overwritten."""
    transform_param: TransformationParameter
    """How images are scaled, cropped and mirrored on their way in."""
    loss_param: LossParameter
    """How a loss is averaged and which label it skips."""
    accuracy_param: AccuracyParameter
    """Settings of an Accuracy layer."""
    argmax_param: ArgMaxParameter
    """Settings of an ArgMax layer."""
    batch_norm_param: BatchNormParameter
    """Settings of a BatchNorm layer."""
    bias_param: BiasParameter
    """Settings of a Bias layer."""
    clip_param: ClipParameter
    """Settings of a Clip layer."""
    concat_param: ConcatParameter
    """Settings of a Concat layer."""
    contrastive_loss_param: ContrastiveLossParameter
    """Settings of a ContrastiveLoss layer."""
    convolution_param: ConvolutionParameter
    """Settings of a Convolution, Deconvolution or Im2col layer."""
    crop_param: CropParameter
    """Settings of a Crop layer."""
    data_param: DataParameter
    """Settings of a Data layer."""
    dropout_param: DropoutParameter
    """Settings of a Dropout layer."""
    dummy_data_param: DummyDataParameter
    """Settings of a DummyData layer."""
    eltwise_param: EltwiseParameter
    """Settings of an Eltwise layer."""
    elu_param: ELUParameter
    """Settings of an ELU layer."""
    embed_param: EmbedParameter
    """Settings of an Embed layer."""
    exp_param: ExpParameter
    """Settings of an Exp layer."""
    flatten_param: FlattenParameter
    """Settings of a Flatten layer."""
    hdf5_data_param: HDF5DataParameter
    """Settings of an HDF5Data layer."""
    hdf5_output_param: HDF5OutputParameter
    """Settings of an HDF5Output layer."""
    hinge_loss_param: HingeLossParameter
    """Settings of a HingeLoss layer."""
    image_data_param: ImageDataParameter
    """Settings of an ImageData layer."""
    infogain_loss_param: InfogainLossParameter
    """Settings of an InfogainLoss layer."""
    inner_product_param: InnerProductParameter
    """Settings of an InnerProduct layer."""
    input_param: InputParameter
    """Settings of an Input layer."""
    log_param: LogParameter
    """Settings of a Log layer."""
    lrn_param: LRNParameter
    """Settings of an LRN layer."""
    memory_data_param: MemoryDataParameter
    """Settings of a MemoryData layer."""
    mvn_param: MVNParameter
    """Settings of an MVN layer."""
    parameter_param: ParameterParameter
    """Settings of a Parameter layer."""
    pooling_param: PoolingParameter
    """Settings of a Pooling layer."""
    power_param: PowerParameter
    """Settings of a Power layer."""
    prelu_param: PReLUParameter
    """Settings of a PReLU layer."""
    python_param: PythonParameter
    """Settings of a Python layer."""
    recurrent_param: RecurrentParameter
    """Settings of an RNN or LSTM layer."""
    reduction_param: ReductionParameter
    """Settings of a Reduction layer."""
    relu_param: ReLUParameter
    """Settings of a ReLU layer."""
    reshape_param: ReshapeParameter
    """Settings of a Reshape layer."""
    scale_param: ScaleParameter
    """Settings of a Scale layer."""
    sigmoid_param: SigmoidParameter
    """Settings of a Sigmoid layer."""
    slice_param: SliceParameter
    """Settings of a Slice layer."""
    softmax_param: SoftmaxParameter
    """Settings of a Softmax layer, also of the softmax inside a loss."""
    spp_param: SPPParameter
    """Settings of an SPP layer."""
    swish_param: SwishParameter
    """Settings of a Swish layer."""
    tanh_param: TanHParameter
    """Settings of a TanH layer."""
    threshold_param: ThresholdParameter
    """Settings of a Threshold layer."""
    tile_param: TileParameter
    """Settings of a Tile layer."""
    window_data_param: WindowDataParameter
    """Settings of a WindowData layer."""
    engine: str
    """Not BVLC's: which implementation computes the layer, in Intel's words; here it makes no difference."""
    annotated_data_param: AnnotatedDataParameter
    """Not BVLC's: settings of an AnnotatedData layer."""
    bn_param: BNParameter
    """Not BVLC's: settings of a BN layer."""
    continuation_indicator_param: ContinuationIndicatorParameter
    """Not BVLC's: settings of a ContinuationIndicator layer."""
    crop_center_param: CropCenterParameter
    """Not BVLC's: settings of a CropCenter layer."""
    detection_evaluate_param: DetectionEvaluateParameter
    """Not BVLC's: settings of a DetectionEvaluate layer."""
    detection_output_param: DetectionOutputParameter
    """Not BVLC's: settings of a DetectionOutput layer."""
    interp_param: InterpParameter
    """Not BVLC's: settings of an Interp layer."""
    multibox_loss_param: MultiBoxLossParameter
    """Not BVLC's: settings of a MultiBoxLoss layer."""
    norm_param: NormalizeParameter
    """Not BVLC's: settings of a Normalize layer."""
    permute_param: PermuteParameter
    """Not BVLC's: settings of a Permute layer."""
    prior_box_param: PriorBoxParameter
    """Not BVLC's: settings of a PriorBox layer."""
    psroi_pooling_param: PSROIPoolingParameter
    """Not BVLC's: settings of a PSROIPooling layer."""
    relu6_param: ReLUParameter
    """Not BVLC's: settings of a ReLU6 layer."""
    reorg_param: ReorgParameter
    """Not BVLC's: settings of a Reorg layer."""
    roi_pooling_param: ROIPoolingParameter
    """Not BVLC's: settings of a ROIPooling layer."""
    shuffle_channel_param: ShuffleChannelParameter
    """Not BVLC's: settings of a ShuffleChannel layer."""
    smooth_l1_loss_param: SmoothL1LossParameter
    """Not BVLC's: settings of a SmoothL1Loss layer."""
    upsample_param: UpsampleParameter
    """Not BVLC's: settings of an Upsample layer."""
    video_data_param: VideoDataParameter
    """Not BVLC's: settings of a VideoData layer."""
    blobs: RepeatedCompositeFieldContainer[BlobProto]
    """The layer's learned arrays; present in saved weights, absent from a net written by hand."""
    def __init__(
        self,
        *,
        name: str | None = ...,
        type: str | None = ...,
        bottom: Iterable[str] | None = ...,
        top: Iterable[str] | None = ...,
        param: Iterable[ParamSpec | Mapping[str, Any]] | None = ...,
        include: Iterable[NetStateRule | Mapping[str, Any]] | None = ...,
        exclude: Iterable[NetStateRule | Mapping[str, Any]] | None = ...,
        loss_weight: Iterable[float] | None = ...,
        propagate_down: Iterable[bool] | None = ...,
        phase: int | str | None = ...,
        transform_param: TransformationParameter | Mapping[str, Any] | None = ...,
        loss_param: LossParameter | Mapping[str, Any] | None = ...,
        accuracy_param: AccuracyParameter | Mapping[str, Any] | None = ...,
        argmax_param: ArgMaxParameter | Mapping[str, Any] | None = ...,
        batch_norm_param: BatchNormParameter | Mapping[str, Any] | None = ...,
        bias_param: BiasParameter | Mapping[str, Any] | None = ...,
        clip_param: ClipParameter | Mapping[str, Any] | None = ...,
        concat_param: ConcatParameter | Mapping[str, Any] | None = ...,
        contrastive_loss_param: ContrastiveLossParameter | Mapping[str, Any] | None = ...,
        convolution_param: ConvolutionParameter | Mapping[str, Any] | None = ...,
        crop_param: CropParameter | Mapping[str, Any] | None = ...,
        data_param: DataParameter | Mapping[str, Any] | None = ...,
        dropout_param: DropoutParameter | Mapping[str, Any] | None = ...,
        dummy_data_param: DummyDataParameter | Mapping[str, Any] | None = ...,
        eltwise_param: EltwiseParameter | Mapping[str, Any] | None = ...,
        elu_param: ELUParameter | Mapping[str, Any] | None = ...,
        embed_param: EmbedParameter | Mapping[str, Any] | None = ...,
        exp_param: ExpParameter | Mapping[str, Any] | None = ...,
        flatten_param: FlattenParameter | Mapping[str, Any] | None = ...,
        hdf5_data_param: HDF5DataParameter | Mapping[str, Any] | None = ...,
        hdf5_output_param: HDF5OutputParameter | Mapping[str, Any] | None = ...,
        hinge_loss_param: HingeLossParameter | Mapping[str, Any] | None = ...,
        image_data_param: ImageDataParameter | Mapping[str, Any] | None = ...,
        infogain_loss_param: InfogainLossParameter | Mapping[str, Any] | None = ...,
        inner_product_param: InnerProductParameter | Mapping[str, Any] | None = ...,
        input_param: InputParameter | Mapping[str, Any] | None = ...,
        log_param: LogParameter | Mapping[str, Any] | None = ...,
        lrn_param: LRNParameter | Mapping[str, Any] | None = ...,
        memory_data_param: MemoryDataParameter | Mapping[str, Any] | None = ...,
        mvn_param: MVNParameter | Mapping[str, Any] | None = ...,
        parameter_param: ParameterParameter | Mapping[str, Any] | None = ...,
        pooling_param: PoolingParameter | Mapping[str, Any] | None = ...,
        power_param: PowerParameter | Mapping[str, Any] | None = ...,
        prelu_param: PReLUParameter | Mapping[str, Any] | None = ...,
        python_param: PythonParameter | Mapping[str, Any] | None = ...,
        recurrent_param: RecurrentParameter | Mapping[str, Any] | None = ...,
        reduction_param: ReductionParameter | Mapping[str, Any] | None = ...,
        relu_param: ReLUParameter | Mapping[str, Any] | None = ...,
        reshape_param: ReshapeParameter | Mapping[str, Any] | None = ...,
        scale_param: ScaleParameter | Mapping[str, Any] | None = ...,
        sigmoid_param: SigmoidParameter | Mapping[str, Any] | None = ...,
        slice_param: SliceParameter | Mapping[str, Any] | None = ...,
        softmax_param: SoftmaxParameter | Mapping[str, Any] | None = ...,
        spp_param: SPPParameter | Mapping[str, Any] | None = ...,
        swish_param: SwishParameter | Mapping[str, Any] | None = ...,
        tanh_param: TanHParameter | Mapping[str, Any] | None = ...,
        threshold_param: ThresholdParameter | Mapping[str, Any] | None = ...,
        tile_param: TileParameter | Mapping[str, Any] | None = ...,
        window_data_param: WindowDataParameter | Mapping[str, Any] | None = ...,
        engine: str | None = ...,
        annotated_data_param: AnnotatedDataParameter | Mapping[str, Any] | None = ...,
        bn_param: BNParameter | Mapping[str, Any] | None = ...,
        continuation_indicator_param: ContinuationIndicatorParameter | Mapping[str, Any] | None = ...,
        crop_center_param: CropCenterParameter | Mapping[str, Any] | None = ...,
        detection_evaluate_param: DetectionEvaluateParameter | Mapping[str, Any] | None = ...,
        detection_output_param: DetectionOutputParameter | Mapping[str, Any] | None = ...,
        interp_param: InterpParameter | Mapping[str, Any] | None = ...,
        multibox_loss_param: MultiBoxLossParameter | Mapping[str, Any] | None = ...,
        norm_param: NormalizeParameter | Mapping[str, Any] | None = ...,
        permute_param: PermuteParameter | Mapping[str, Any] | None = ...,
        prior_box_param: PriorBoxParameter | Mapping[str, Any] | None = ...,
        psroi_pooling_param: PSROIPoolingParameter | Mapping[str, Any] | None = ...,
        relu6_param: ReLUParameter | Mapping[str, Any] | None = ...,
        reorg_param: ReorgParameter | Mapping[str, Any] | None = ...,
        roi_pooling_param: ROIPoolingParameter | Mapping[str, Any] | None = ...,
        shuffle_channel_param: ShuffleChannelParameter | Mapping[str, Any] | None = ...,
        smooth_l1_loss_param: SmoothL1LossParameter | Mapping[str, Any] | None = ...,
        upsample_param: UpsampleParameter | Mapping[str, Any] | None = ...,
        video_data_param: VideoDataParameter | Mapping[str, Any] | None = ...,
        blobs: Iterable[BlobProto | Mapping[str, Any]] | None = ...,
    ) -> None: ...


class ParamSpec(Message):
    """How one learnable blob of a layer learns, and with whom it is shared."""
    class DimCheckMode(int, metaclass=EnumTypeWrapper):
        """How strictly shapes are compared when blobs are shared."""
        STRICT: ClassVar[ParamSpec.DimCheckMode]
        """Shared blobs must have exactly the same shape."""
        PERMISSIVE: ClassVar[ParamSpec.DimCheckMode]
        """Shared blobs need only the same number of values."""
    STRICT: ClassVar[ParamSpec.DimCheckMode]
    PERMISSIVE: ClassVar[ParamSpec.DimCheckMode]
    name: str
    """Layers that give a blob the same name share one array; empty shares nothing."""
    share_mode: int
    """How alike the shapes of blobs that share a name must be."""
    lr_mult: float
    """Multiplies the solver's learning rate for this blob; 0 freezes it."""
    decay_mult: float
    """Multiplies the solver's weight decay for this blob; 0 is usual for a bias."""
    def __init__(
        self,
        *,
        name: str | None = ...,
        share_mode: int | str | None = ...,
        lr_mult: float | None = ...,
        decay_mult: float | None = ...,
    ) -> None: ...


class FillerParameter(Message):
    """How an array is filled before anything is learned."""
    class VarianceNorm(int, metaclass=EnumTypeWrapper):
        """The count of connections that the spread of random weights is scaled by."""
        FAN_IN: ClassVar[FillerParameter.VarianceNorm]
        """Incoming connections: keeps the size of values steady on the way forward."""
        FAN_OUT: ClassVar[FillerParameter.VarianceNorm]
        """Outgoing connections: keeps the size of gradients steady on the way back."""
        AVERAGE: ClassVar[FillerParameter.VarianceNorm]
        """The mean of both: a compromise between the two directions."""
    FAN_IN: ClassVar[FillerParameter.VarianceNorm]
    FAN_OUT: ClassVar[FillerParameter.VarianceNorm]
    AVERAGE: ClassVar[FillerParameter.VarianceNorm]
    type: str
    """The way to fill: one value, a random distribution, or a fixed pattern."""
    value: float
    """The value everywhere, for constant."""
    min: float
    """Lower end of the range, for uniform."""
    max: float
    """Upper end of the range, for uniform."""
    mean: float
    """Centre of the bell curve, for gaussian."""
    std: float
    """Width (standard deviation) of the bell curve, for gaussian."""
    sparse: int
    """About how many weights leading from each input stay non-zero, for gaussian; a negative value keeps all."""
    variance_norm: int
    """Which number of connections sets the spread, for xavier and msra."""
    def __init__(
        self,
        *,
        type: str | None = ...,
        value: float | None = ...,
        min: float | None = ...,
        max: float | None = ...,
        mean: float | None = ...,
        std: float | None = ...,
        sparse: int | None = ...,
        variance_norm: int | str | None = ...,
    ) -> None: ...


class TransformationParameter(Message):
    """What is done to each image before the net sees it."""
    scale: float
    """Multiplies every value after the mean is subtracted; 0.00390625 brings bytes into the range 0 to 1."""
    mirror: bool
    """Flips each image left to right with a chance of one half, in both phases."""
    crop_size: int
    """Side of the square cut out of each image: anywhere while training, from the centre in testing; 0 cuts nothing."""
    mean_file: str
    """File with the mean image to subtract, a .binaryproto; not to be combined with mean_value."""
    mean_value: RepeatedScalarFieldContainer[float]
    """Value to subtract, one for all channels or one for each in blue, green, red order."""
    force_color: bool
    """Decodes every stored image to three colour channels."""
    force_gray: bool
    """Decodes every stored image to one grey channel."""
    resize_param: ResizeParameter
    """Not BVLC's: how images are resized before they are cropped."""
    noise_param: NoiseParameter
    """Not BVLC's: how images are disturbed after they are resized."""
    emit_constraint: EmitConstraint
    """Not BVLC's: which boxes still count after an image was cropped."""
    crop_h: int
    """Not BVLC's: height of the part that is cut out, together with crop_w in place of crop_size."""
    crop_w: int
    """Not BVLC's: width of the part that is cut out, together with crop_h in place of crop_size."""
    distort_param: DistortionParameter
    """Not BVLC's: how the colours of images are changed by chance."""
    expand_param: ExpansionParameter
    """Not BVLC's: how images are set into a larger canvas by chance."""
    def __init__(
        self,
        *,
        scale: float | None = ...,
        mirror: bool | None = ...,
        crop_size: int | None = ...,
        mean_file: str | None = ...,
        mean_value: Iterable[float] | None = ...,
        force_color: bool | None = ...,
        force_gray: bool | None = ...,
        resize_param: ResizeParameter | Mapping[str, Any] | None = ...,
        noise_param: NoiseParameter | Mapping[str, Any] | None = ...,
        emit_constraint: EmitConstraint | Mapping[str, Any] | None = ...,
        crop_h: int | None = ...,
        crop_w: int | None = ...,
        distort_param: DistortionParameter | Mapping[str, Any] | None = ...,
        expand_param: ExpansionParameter | Mapping[str, Any] | None = ...,
    ) -> None: ...


class LossParameter(Message):
    """What a loss counts, and what it divides by."""
    class NormalizationMode(int, metaclass=EnumTypeWrapper):
        """What a summed loss is divided by."""
        FULL: ClassVar[LossParameter.NormalizationMode]
        """Every position of every item, ignored or not."""
        VALID: ClassVar[LossParameter.NormalizationMode]
        """Only the positions whose label is not ignored."""
        BATCH_SIZE: ClassVar[LossParameter.NormalizationMode]
        """The number of items in the batch."""
        NONE: ClassVar[LossParameter.NormalizationMode]
        """Nothing: the loss stays a sum."""
    FULL: ClassVar[LossParameter.NormalizationMode]
    VALID: ClassVar[LossParameter.NormalizationMode]
    BATCH_SIZE: ClassVar[LossParameter.NormalizationMode]
    NONE: ClassVar[LossParameter.NormalizationMode]
    ignore_label: int
    """Positions with this label add nothing to the loss or its gradient; 255 is usual in segmentation."""
    normalization: int
    """The count that the summed loss is divided by."""
    normalize: bool
    """Old switch between VALID (true) and BATCH_SIZE (false); normalization overrides it."""
    def __init__(
        self,
        *,
        ignore_label: int | None = ...,
        normalization: int | str | None = ...,
        normalize: bool | None = ...,
    ) -> None: ...


class AccuracyParameter(Message):
    """How predictions are compared with labels."""
    top_k: int
    """A prediction counts as right if the label is among this many best scores."""
    axis: int
    """The axis along which the class scores lie; negative counts from the end."""
    ignore_label: int
    """Positions with this label are left out of the count."""
    def __init__(
        self,
        *,
        top_k: int | None = ...,
        axis: int | None = ...,
        ignore_label: int | None = ...,
    ) -> None: ...


class ArgMaxParameter(Message):
    """Which of the largest values are reported, and how."""
    out_max_val: bool
    """Reports the values themselves: beside their indices, or instead of them where axis is set."""
    top_k: int
    """How many of the largest values are reported."""
    axis: int
    """The axis to search along, negative counting from the end; unset, each item is searched as a whole."""
    def __init__(
        self,
        *,
        out_max_val: bool | None = ...,
        top_k: int | None = ...,
        axis: int | None = ...,
    ) -> None: ...


class BatchNormParameter(Message):
    """How each channel is brought to mean 0 and variance 1."""
    use_global_stats: bool
    """Uses the stored statistics (true) or those of the batch (false); unset, testing uses stored ones."""
    moving_average_fraction: float
    """How much of the stored statistics survives each batch; nearer to 1 remembers longer."""
    eps: float
    """Added to the variance so that a constant channel does not divide by zero."""
    def __init__(
        self,
        *,
        use_global_stats: bool | None = ...,
        moving_average_fraction: float | None = ...,
        eps: float | None = ...,
    ) -> None: ...


class BiasParameter(Message):
    """How a learned or computed offset is added to a blob."""
    axis: int
    """The first axis that the offset is matched with; negative counts from the end."""
    num_axes: int
    """How many axes a learned offset spans: 0 is a single number, -1 all that remain."""
    filler: FillerParameter
    """How a learned offset starts out."""
    def __init__(
        self,
        *,
        axis: int | None = ...,
        num_axes: int | None = ...,
        filler: FillerParameter | Mapping[str, Any] | None = ...,
    ) -> None: ...


class ClipParameter(Message):
    """The range that values are kept within."""
    min: float
    """Smaller values are raised to this, and pass no gradient."""
    max: float
    """Larger values are lowered to this, and pass no gradient."""
    def __init__(
        self,
        *,
        min: float | None = ...,
        max: float | None = ...,
    ) -> None: ...


class ConcatParameter(Message):
    """How blobs are joined."""
    axis: int
    """The axis along which blobs are put one after the other; all other axes must agree."""
    concat_dim: int
    """Old name of axis, without negative values."""
    def __init__(
        self,
        *,
        axis: int | None = ...,
        concat_dim: int | None = ...,
    ) -> None: ...


class ContrastiveLossParameter(Message):
    """How far apart pairs that differ are pushed."""
    margin: float
    """Pairs that differ are pushed apart until their distance reaches this."""
    legacy_version: bool
    """Compares the margin with the squared distance, as early versions did, and not with the distance."""
    def __init__(
        self,
        *,
        margin: float | None = ...,
        legacy_version: bool | None = ...,
    ) -> None: ...


class ConvolutionParameter(Message):
    """How kernels slide over their input, and how many of them there are."""
    class Engine(int, metaclass=EnumTypeWrapper):
        """Implementations to choose from."""
        DEFAULT: ClassVar[ConvolutionParameter.Engine]
        """Whichever suits the layer and the machine best."""
        CAFFE: ClassVar[ConvolutionParameter.Engine]
        """The portable implementation."""
        CUDNN: ClassVar[ConvolutionParameter.Engine]
        """NVIDIA's cuDNN, where there is one."""
    DEFAULT: ClassVar[ConvolutionParameter.Engine]
    CAFFE: ClassVar[ConvolutionParameter.Engine]
    CUDNN: ClassVar[ConvolutionParameter.Engine]
    num_output: int
    """How many kernels are learned: the number of channels that come out."""
    kernel_size: RepeatedScalarFieldContainer[int]
    """Side of the kernel, one number for all axes or one for each."""
    stride: RepeatedScalarFieldContainer[int]
    """Step between two positions of the kernel; 2 halves the size of the output."""
    pad: RepeatedScalarFieldContainer[int]
    """Zeros added on every side; half the kernel keeps the size at stride 1."""
    dilation: RepeatedScalarFieldContainer[int]
    """Spacing of the kernel's taps; 2 leaves one pixel out between two taps and sees further at the same cost."""
    group: int
    """Splits the channels into this many parts that do not see each other; must divide both channel counts."""
    bias_term: bool
    """Adds one learned offset to each output channel."""
    weight_filler: FillerParameter
    """How the kernels start out; while they are all zeros, no layer below learns."""
    bias_filler: FillerParameter
    """How the offsets start out."""
    kernel_h: int
    """Height of the kernel, together with kernel_w in place of kernel_size."""
    kernel_w: int
    """Width of the kernel, together with kernel_h in place of kernel_size."""
    stride_h: int
    """Vertical step, together with stride_w in place of stride."""
    stride_w: int
    """Horizontal step, together with stride_h in place of stride."""
    pad_h: int
    """Zeros added above and below, together with pad_w in place of pad."""
    pad_w: int
    """Zeros added left and right, together with pad_h in place of pad."""
    axis: int
    """The axis that holds the channels, every later one being slid over; negative counts from the end."""
    engine: int
    """Which implementation computes the layer; the numbers agree up to rounding."""
    force_nd_im2col: bool
    """Takes the general code for any number of axes also where two would do; changes speed only."""
    def __init__(
        self,
        *,
        num_output: int | None = ...,
        kernel_size: Iterable[int] | None = ...,
        stride: Iterable[int] | None = ...,
        pad: Iterable[int] | None = ...,
        dilation: Iterable[int] | None = ...,
        group: int | None = ...,
        bias_term: bool | None = ...,
        weight_filler: FillerParameter | Mapping[str, Any] | None = ...,
        bias_filler: FillerParameter | Mapping[str, Any] | None = ...,
        kernel_h: int | None = ...,
        kernel_w: int | None = ...,
        stride_h: int | None = ...,
        stride_w: int | None = ...,
        pad_h: int | None = ...,
        pad_w: int | None = ...,
        axis: int | None = ...,
        engine: int | str | None = ...,
        force_nd_im2col: bool | None = ...,
    ) -> None: ...


class CropParameter(Message):
    """Which part of a blob is cut out to fit another."""
    axis: int
    """The first axis to cut, all later ones being cut too; negative counts from the end."""
    offset: RepeatedScalarFieldContainer[int]
    """Where the cut begins, one number for all axes or one for each; unset, it begins at 0."""
    def __init__(
        self,
        *,
        axis: int | None = ...,
        offset: Iterable[int] | None = ...,
    ) -> None: ...


class DataParameter(Message):
    """Where a Data layer reads its items, and how many at a time."""
    class DB(int, metaclass=EnumTypeWrapper):
        """Kinds of database."""
        LEVELDB: ClassVar[DataParameter.DB]
        """A LevelDB folder, which one process at a time can open."""
        LMDB: ClassVar[DataParameter.DB]
        """An LMDB folder, which many processes can read at once."""
    LEVELDB: ClassVar[DataParameter.DB]
    LMDB: ClassVar[DataParameter.DB]
    source: str
    """Folder of the database, as seen from where the program runs."""
    backend: int
    """The kind of database found at source."""
    batch_size: int
    """How many items make one batch."""
    prefetch: int
    """How many batches are read ahead while the net computes; more smooths a slow disk and costs memory."""
    rand_skip: int
    """Skips a random number of items, below this, at the start, so that parallel readers do not agree."""
    force_encoded_color: bool
    """Decodes compressed images to three colour channels, also grey ones."""
    scale: float
    """Old place of transform_param.scale; ignored in a current layer."""
    mean_file: str
    """Old place of transform_param.mean_file; ignored in a current layer."""
    crop_size: int
    """Old place of transform_param.crop_size; ignored in a current layer."""
    mirror: bool
    """Old place of transform_param.mirror; ignored in a current layer."""
    def __init__(
        self,
        *,
        source: str | None = ...,
        backend: int | str | None = ...,
        batch_size: int | None = ...,
        prefetch: int | None = ...,
        rand_skip: int | None = ...,
        force_encoded_color: bool | None = ...,
        scale: float | None = ...,
        mean_file: str | None = ...,
        crop_size: int | None = ...,
        mirror: bool | None = ...,
    ) -> None: ...


class DropoutParameter(Message):
    """How much a Dropout layer drops."""
    dropout_ratio: float
    """Chance that a value is set to zero while training, the rest being scaled up; 0 drops nothing."""
    scale_train: bool
    """Not BVLC's: false leaves what is kept in training as it is, and scales everything down in testing instead."""
    def __init__(
        self,
        *,
        dropout_ratio: float | None = ...,
        scale_train: bool | None = ...,
    ) -> None: ...


class DummyDataParameter(Message):
    """The shape and the content of made-up data."""
    shape: RepeatedCompositeFieldContainer[BlobShape]
    """Shape of the tops, one for all of them or one for each."""
    data_filler: RepeatedCompositeFieldContainer[FillerParameter]
    """How the tops are filled, one for all of them or one for each; constant ones are filled only once."""
    num: RepeatedScalarFieldContainer[int]
    """Old way to give the first size of a 4-D shape; use shape."""
    channels: RepeatedScalarFieldContainer[int]
    """Old way to give the second size of a 4-D shape; use shape."""
    height: RepeatedScalarFieldContainer[int]
    """Old way to give the third size of a 4-D shape; use shape."""
    width: RepeatedScalarFieldContainer[int]
    """Old way to give the fourth size of a 4-D shape; use shape."""
    def __init__(
        self,
        *,
        shape: Iterable[BlobShape | Mapping[str, Any]] | None = ...,
        data_filler: Iterable[FillerParameter | Mapping[str, Any]] | None = ...,
        num: Iterable[int] | None = ...,
        channels: Iterable[int] | None = ...,
        height: Iterable[int] | None = ...,
        width: Iterable[int] | None = ...,
    ) -> None: ...


class EltwiseParameter(Message):
    """How blobs of one shape are combined value by value."""
    class EltwiseOp(int, metaclass=EnumTypeWrapper):
        """Ways to combine values."""
        PROD: ClassVar[EltwiseParameter.EltwiseOp]
        """Multiplies them."""
        SUM: ClassVar[EltwiseParameter.EltwiseOp]
        """Adds them, each times its factor."""
        MAX: ClassVar[EltwiseParameter.EltwiseOp]
        """Keeps the largest, through which alone the gradient flows."""
    PROD: ClassVar[EltwiseParameter.EltwiseOp]
    SUM: ClassVar[EltwiseParameter.EltwiseOp]
    MAX: ClassVar[EltwiseParameter.EltwiseOp]
    operation: int
    """What is done with the values that meet."""
    coeff: RepeatedScalarFieldContainer[float]
    """One factor for each bottom, for SUM only; 1 and -1 give a difference."""
    stable_prod_grad: bool
    """Computes the gradient of PROD without dividing: slower with many bottoms, but safe near zero."""
    def __init__(
        self,
        *,
        operation: int | str | None = ...,
        coeff: Iterable[float] | None = ...,
        stable_prod_grad: bool | None = ...,
    ) -> None: ...


class ELUParameter(Message):
    """The shape of an ELU below zero."""
    alpha: float
    """Very negative inputs approach the negative of this; 0 makes a plain ReLU."""
    def __init__(
        self,
        *,
        alpha: float | None = ...,
    ) -> None: ...


class EmbedParameter(Message):
    """How whole numbers are turned into learned vectors."""
    num_output: int
    """Length of the vector learned for each number."""
    input_dim: int
    """How many different numbers there are: inputs run from 0 to one less."""
    bias_term: bool
    """Adds one learned offset to every vector."""
    weight_filler: FillerParameter
    """How the vectors start out."""
    bias_filler: FillerParameter
    """How the offset starts out."""
    def __init__(
        self,
        *,
        num_output: int | None = ...,
        input_dim: int | None = ...,
        bias_term: bool | None = ...,
        weight_filler: FillerParameter | Mapping[str, Any] | None = ...,
        bias_filler: FillerParameter | Mapping[str, Any] | None = ...,
    ) -> None: ...


class ExpParameter(Message):
    """The curve y = base ^ (shift + scale * x)."""
    base: float
    """The number that is raised to a power; -1 stands for e, otherwise it must be positive."""
    scale: float
    """Multiplies the input inside the exponent."""
    shift: float
    """Added to the scaled input inside the exponent."""
    def __init__(
        self,
        *,
        base: float | None = ...,
        scale: float | None = ...,
        shift: float | None = ...,
    ) -> None: ...


class FlattenParameter(Message):
    """Which axes are merged into one."""
    axis: int
    """The first axis to merge; negative counts from the end."""
    end_axis: int
    """The last axis to merge; negative counts from the end."""
    def __init__(
        self,
        *,
        axis: int | None = ...,
        end_axis: int | None = ...,
    ) -> None: ...


class HDF5DataParameter(Message):
    """Where an HDF5Data layer reads its rows, and how many at a time."""
    source: str
    """Text file that lists the HDF5 files, one path a line."""
    batch_size: int
    """How many rows make one batch."""
    shuffle: bool
    """Shuffles the order of files, and of rows within each file."""
    def __init__(
        self,
        *,
        source: str | None = ...,
        batch_size: int | None = ...,
        shuffle: bool | None = ...,
    ) -> None: ...


class HDF5OutputParameter(Message):
    """Where an HDF5Output layer writes."""
    file_name: str
    """HDF5 file to write data and label to; one that exists is replaced."""
    def __init__(
        self,
        *,
        file_name: str | None = ...,
    ) -> None: ...


class HingeLossParameter(Message):
    """How margins that are missed are punished."""
    class Norm(int, metaclass=EnumTypeWrapper):
        """Ways to punish a missed margin."""
        L1: ClassVar[HingeLossParameter.Norm]
        """By its size: every miss pulls equally hard."""
        L2: ClassVar[HingeLossParameter.Norm]
        """By its square: large misses pull harder."""
    L1: ClassVar[HingeLossParameter.Norm]
    L2: ClassVar[HingeLossParameter.Norm]
    norm: int
    """Whether a missed margin counts by its size or by its square."""
    def __init__(
        self,
        *,
        norm: int | str | None = ...,
    ) -> None: ...


class ImageDataParameter(Message):
    """Where an ImageData layer finds its images, and at which size."""
    source: str
    """Text file with one image path and one whole-number label a line."""
    root_folder: str
    """Put before every path in the list; end it with a slash."""
    batch_size: int
    """How many images make one batch."""
    shuffle: bool
    """Shuffles the list before the first pass and before every other."""
    new_height: int
    """Height to resize every image to, together with new_width; 0 keeps the size."""
    new_width: int
    """Width to resize every image to, together with new_height; 0 keeps the size."""
    new_dim: int
    """Not BVLC's: length to resize the shorter side of every image to, the proportions kept; 0 keeps the size."""
    bicubic: bool
    """Not BVLC's: resizes to new_dim by a cubic curve through sixteen pixels, not from the four nearest."""
    is_color: bool
    """Reads three colour channels (true) or one grey channel (false)."""
    rand_skip: int
    """Skips a random number of images, below this, at the start, so that parallel readers do not agree."""
    scale: float
    """Old place of transform_param.scale; ignored in a current layer."""
    mean_file: str
    """Old place of transform_param.mean_file; ignored in a current layer."""
    crop_size: int
    """Old place of transform_param.crop_size; ignored in a current layer."""
    mirror: bool
    """Old place of transform_param.mirror; ignored in a current layer."""
    def __init__(
        self,
        *,
        source: str | None = ...,
        root_folder: str | None = ...,
        batch_size: int | None = ...,
        shuffle: bool | None = ...,
        new_height: int | None = ...,
        new_width: int | None = ...,
        new_dim: int | None = ...,
        bicubic: bool | None = ...,
        is_color: bool | None = ...,
        rand_skip: int | None = ...,
        scale: float | None = ...,
        mean_file: str | None = ...,
        crop_size: int | None = ...,
        mirror: bool | None = ...,
    ) -> None: ...


class InfogainLossParameter(Message):
    """How much each kind of mistake costs."""
    source: str
    """File (.binaryproto) with a class-by-class matrix of weights; not needed where a third bottom brings it."""
    axis: int
    """The axis along which the class scores lie; negative counts from the end."""
    def __init__(
        self,
        *,
        source: str | None = ...,
        axis: int | None = ...,
    ) -> None: ...


class InnerProductParameter(Message):
    """How a fully connected layer maps its input."""
    num_output: int
    """How many values come out of each item."""
    bias_term: bool
    """Adds one learned offset to each output."""
    weight_filler: FillerParameter
    """How the weights start out; while they are all zeros, no layer below learns."""
    bias_filler: FillerParameter
    """How the offsets start out."""
    axis: int
    """This axis and all after it are flattened into one vector; negative counts from the end."""
    transpose: bool
    """Stores the weights as inputs by outputs, not the other way round."""
    def __init__(
        self,
        *,
        num_output: int | None = ...,
        bias_term: bool | None = ...,
        weight_filler: FillerParameter | Mapping[str, Any] | None = ...,
        bias_filler: FillerParameter | Mapping[str, Any] | None = ...,
        axis: int | None = ...,
        transpose: bool | None = ...,
    ) -> None: ...


class InputParameter(Message):
    """The shape of blobs that are fed from outside."""
    shape: RepeatedCompositeFieldContainer[BlobShape]
    """Shape of the tops, one for all of them or one for each."""
    def __init__(
        self,
        *,
        shape: Iterable[BlobShape | Mapping[str, Any]] | None = ...,
    ) -> None: ...


class LogParameter(Message):
    """The curve y = log(shift + scale * x) to a base."""
    base: float
    """The base of the logarithm; -1 stands for e, otherwise it must be positive."""
    scale: float
    """Multiplies the input inside the logarithm."""
    shift: float
    """Added to the scaled input inside the logarithm."""
    def __init__(
        self,
        *,
        base: float | None = ...,
        scale: float | None = ...,
        shift: float | None = ...,
    ) -> None: ...


class LRNParameter(Message):
    """How strongly neighbours damp each other."""
    class NormRegion(int, metaclass=EnumTypeWrapper):
        """Places to look for neighbours."""
        ACROSS_CHANNELS: ClassVar[LRNParameter.NormRegion]
        """The same pixel in nearby channels."""
        WITHIN_CHANNEL: ClassVar[LRNParameter.NormRegion]
        """Nearby pixels of the same channel."""
    ACROSS_CHANNELS: ClassVar[LRNParameter.NormRegion]
    WITHIN_CHANNEL: ClassVar[LRNParameter.NormRegion]
    class Engine(int, metaclass=EnumTypeWrapper):
        """Implementations to choose from."""
        DEFAULT: ClassVar[LRNParameter.Engine]
        """Whichever suits the layer and the machine best."""
        CAFFE: ClassVar[LRNParameter.Engine]
        """The portable implementation."""
        CUDNN: ClassVar[LRNParameter.Engine]
        """NVIDIA's cuDNN, where there is one."""
    DEFAULT: ClassVar[LRNParameter.Engine]
    CAFFE: ClassVar[LRNParameter.Engine]
    CUDNN: ClassVar[LRNParameter.Engine]
    local_size: int
    """Width of the neighbourhood, an odd number: of channels, or of pixels WITHIN_CHANNEL."""
    alpha: float
    """How strongly neighbours damp; it is divided by the size of the neighbourhood."""
    beta: float
    """The power of the damping term; 0 switches damping off."""
    norm_region: int
    """Where the neighbours are: in other channels or around the pixel."""
    k: float
    """Damping where all neighbours are zero; WITHIN_CHANNEL takes it to be 1."""
    engine: int
    """Which implementation computes the layer; the numbers agree up to rounding."""
    def __init__(
        self,
        *,
        local_size: int | None = ...,
        alpha: float | None = ...,
        beta: float | None = ...,
        norm_region: int | str | None = ...,
        k: float | None = ...,
        engine: int | str | None = ...,
    ) -> None: ...


class MemoryDataParameter(Message):
    """The size of arrays that a program hands to a MemoryData layer."""
    batch_size: int
    """How many items make one batch; the arrays handed in must hold a multiple of it."""
    channels: int
    """How many channels each item has."""
    height: int
    """Height of each item."""
    width: int
    """Width of each item."""
    def __init__(
        self,
        *,
        batch_size: int | None = ...,
        channels: int | None = ...,
        height: int | None = ...,
        width: int | None = ...,
    ) -> None: ...


class MVNParameter(Message):
    """How each item is brought to mean 0 and variance 1 by itself."""
    normalize_variance: bool
    """Divides by the standard deviation after the mean is subtracted."""
    across_channels: bool
    """Takes mean and variance over all channels of an item together, not over each by itself."""
    eps: float
    """Added to the standard deviation so that a constant input does not divide by zero."""
    def __init__(
        self,
        *,
        normalize_variance: bool | None = ...,
        across_channels: bool | None = ...,
        eps: float | None = ...,
    ) -> None: ...


class ParameterParameter(Message):
    """The shape of an array that is learned by itself."""
    shape: BlobShape
    """Shape of the learned array, which is also that of the top."""
    def __init__(
        self,
        *,
        shape: BlobShape | Mapping[str, Any] | None = ...,
    ) -> None: ...


class PoolingParameter(Message):
    """How windows slide over each channel and what is kept of them."""
    class PoolMethod(int, metaclass=EnumTypeWrapper):
        """Ways to sum up a window."""
        MAX: ClassVar[PoolingParameter.PoolMethod]
        """Its largest value, through which alone the gradient flows."""
        AVE: ClassVar[PoolingParameter.PoolMethod]
        """Its mean, in which added zeros count."""
        STOCHASTIC: ClassVar[PoolingParameter.PoolMethod]
        """One of its values, picked at random in proportion to its size; without padding only."""
    MAX: ClassVar[PoolingParameter.PoolMethod]
    AVE: ClassVar[PoolingParameter.PoolMethod]
    STOCHASTIC: ClassVar[PoolingParameter.PoolMethod]
    class Engine(int, metaclass=EnumTypeWrapper):
        """Implementations to choose from."""
        DEFAULT: ClassVar[PoolingParameter.Engine]
        """Whichever suits the layer and the machine best."""
        CAFFE: ClassVar[PoolingParameter.Engine]
        """The portable implementation."""
        CUDNN: ClassVar[PoolingParameter.Engine]
        """NVIDIA's cuDNN, where there is one."""
    DEFAULT: ClassVar[PoolingParameter.Engine]
    CAFFE: ClassVar[PoolingParameter.Engine]
    CUDNN: ClassVar[PoolingParameter.Engine]
    class RoundMode(int, metaclass=EnumTypeWrapper):
        """Ways to round the number of windows."""
        CEIL: ClassVar[PoolingParameter.RoundMode]
        """Up: a last, smaller window covers what is left over."""
        FLOOR: ClassVar[PoolingParameter.RoundMode]
        """Down: what is left over at the far edge is not looked at."""
    CEIL: ClassVar[PoolingParameter.RoundMode]
    FLOOR: ClassVar[PoolingParameter.RoundMode]
    pool: int
    """What is kept of each window."""
    kernel_size: int
    """Side of the square window."""
    stride: int
    """Step between two windows; as large as the window, they do not overlap."""
    pad: int
    """Zeros added on every side; must be smaller than the window."""
    global_pooling: bool
    """Makes each channel one window, whatever its size; kernel_size must then stay unset."""
    round_mode: int
    """What happens to a window that sticks out at the far edge."""
    ceil_mode: bool
    """Not BVLC's: false rounds down, as round_mode FLOOR does."""
    kernel_h: int
    """Height of the window, together with kernel_w in place of kernel_size."""
    kernel_w: int
    """Width of the window, together with kernel_h in place of kernel_size."""
    stride_h: int
    """Vertical step, together with stride_w in place of stride."""
    stride_w: int
    """Horizontal step, together with stride_h in place of stride."""
    pad_h: int
    """Zeros added above and below, together with pad_w in place of pad."""
    pad_w: int
    """Zeros added left and right, together with pad_h in place of pad."""
    engine: int
    """Which implementation computes the layer; the numbers agree up to rounding."""
    def __init__(
        self,
        *,
        pool: int | str | None = ...,
        kernel_size: int | None = ...,
        stride: int | None = ...,
        pad: int | None = ...,
        global_pooling: bool | None = ...,
        round_mode: int | str | None = ...,
        ceil_mode: bool | None = ...,
        kernel_h: int | None = ...,
        kernel_w: int | None = ...,
        stride_h: int | None = ...,
        stride_w: int | None = ...,
        pad_h: int | None = ...,
        pad_w: int | None = ...,
        engine: int | str | None = ...,
    ) -> None: ...


class PowerParameter(Message):
    """The curve y = (shift + scale * x) ^ power."""
    power: float
    """The exponent; 1 leaves a straight line."""
    scale: float
    """Multiplies the input before the power is taken."""
    shift: float
    """Added to the scaled input before the power is taken."""
    def __init__(
        self,
        *,
        power: float | None = ...,
        scale: float | None = ...,
        shift: float | None = ...,
    ) -> None: ...


class PReLUParameter(Message):
    """How the learned slope below zero starts out and how many there are."""
    filler: FillerParameter
    """How the slopes start out; unset, they start at 0.25."""
    channel_shared: bool
    """Learns one slope for all channels, not one for each."""
    def __init__(
        self,
        *,
        filler: FillerParameter | Mapping[str, Any] | None = ...,
        channel_shared: bool | None = ...,
    ) -> None: ...


class PythonParameter(Message):
    """Which class of yours is the layer, and what it is told."""
    module: str
    """Name of the Python module to import, without .py; it must lie on Python's path."""
    layer: str
    """Name of the class in that module."""
    param_str: str
    """Free text that the class finds in self.param_str, often JSON or a dict."""
    share_in_parallel: bool
    """Has parallel solvers share this one layer and wait for one another; for data layers only."""
    def __init__(
        self,
        *,
        module: str | None = ...,
        layer: str | None = ...,
        param_str: str | None = ...,
        share_in_parallel: bool | None = ...,
    ) -> None: ...


class RecurrentParameter(Message):
    """The size of a recurrent layer and how its weights start out."""
    num_output: int
    """How many values the hidden state holds, and so each step's output."""
    weight_filler: FillerParameter
    """How the weights start out."""
    bias_filler: FillerParameter
    """How the offsets start out."""
    expose_hidden: bool
    """Adds the first hidden state as a bottom and the last as a top, so that a program can carry it."""
    debug_info: bool
    """Logs the steps of the net that the layer is unrolled into."""
    def __init__(
        self,
        *,
        num_output: int | None = ...,
        weight_filler: FillerParameter | Mapping[str, Any] | None = ...,
        bias_filler: FillerParameter | Mapping[str, Any] | None = ...,
        expose_hidden: bool | None = ...,
        debug_info: bool | None = ...,
    ) -> None: ...


class ReductionParameter(Message):
    """How the last axes of a blob are summed up."""
    class ReductionOp(int, metaclass=EnumTypeWrapper):
        """Ways to sum up."""
        SUM: ClassVar[ReductionParameter.ReductionOp]
        """The sum of the values."""
        ASUM: ClassVar[ReductionParameter.ReductionOp]
        """The sum of their sizes, signs left out."""
        SUMSQ: ClassVar[ReductionParameter.ReductionOp]
        """The sum of their squares."""
        MEAN: ClassVar[ReductionParameter.ReductionOp]
        """The mean of the values."""
    SUM: ClassVar[ReductionParameter.ReductionOp]
    ASUM: ClassVar[ReductionParameter.ReductionOp]
    SUMSQ: ClassVar[ReductionParameter.ReductionOp]
    MEAN: ClassVar[ReductionParameter.ReductionOp]
    operation: int
    """What is computed of the values."""
    axis: int
    """This axis and all after it are reduced to one number; 0 reduces the whole blob, negative counts from the end."""
    coeff: float
    """Multiplies the result."""
    def __init__(
        self,
        *,
        operation: int | str | None = ...,
        axis: int | None = ...,
        coeff: float | None = ...,
    ) -> None: ...


class ReLUParameter(Message):
    """The shape of a ReLU below zero."""
    class Engine(int, metaclass=EnumTypeWrapper):
        """Implementations to choose from."""
        DEFAULT: ClassVar[ReLUParameter.Engine]
        """Whichever suits the layer and the machine best."""
        CAFFE: ClassVar[ReLUParameter.Engine]
        """The portable implementation."""
        CUDNN: ClassVar[ReLUParameter.Engine]
        """NVIDIA's cuDNN, where there is one."""
    DEFAULT: ClassVar[ReLUParameter.Engine]
    CAFFE: ClassVar[ReLUParameter.Engine]
    CUDNN: ClassVar[ReLUParameter.Engine]
    negative_slope: float
    """Slope for negative inputs; 0 cuts them off, 0.01 makes the unit leaky so that it cannot die."""
    engine: int
    """Which implementation computes the layer; the numbers agree up to rounding."""
    def __init__(
        self,
        *,
        negative_slope: float | None = ...,
        engine: int | str | None = ...,
    ) -> None: ...


class ReshapeParameter(Message):
    """The new shape of the same values."""
    shape: BlobShape
    """The new sizes: 0 copies the size at that place, and a single -1 is worked out from the rest."""
    axis: int
    """The first axis that is replaced; negative counts from the end, -1 adding after the last."""
    num_axes: int
    """How many axes are replaced: 0 only inserts, -1 replaces all that remain."""
    def __init__(
        self,
        *,
        shape: BlobShape | Mapping[str, Any] | None = ...,
        axis: int | None = ...,
        num_axes: int | None = ...,
    ) -> None: ...


class ScaleParameter(Message):
    """How a learned or computed factor is multiplied into a blob."""
    axis: int
    """The first axis that the factor is matched with; negative counts from the end."""
    num_axes: int
    """How many axes a learned factor spans: 0 is a single number, -1 all that remain."""
    filler: FillerParameter
    """How a learned factor starts out; unset, it starts at 1."""
    bias_term: bool
    """Adds a learned offset of the same shape, as a Bias layer would."""
    bias_filler: FillerParameter
    """How the offset starts out."""
    def __init__(
        self,
        *,
        axis: int | None = ...,
        num_axes: int | None = ...,
        filler: FillerParameter | Mapping[str, Any] | None = ...,
        bias_term: bool | None = ...,
        bias_filler: FillerParameter | Mapping[str, Any] | None = ...,
    ) -> None: ...


class SigmoidParameter(Message):
    """How a Sigmoid layer is computed."""
    class Engine(int, metaclass=EnumTypeWrapper):
        """Implementations to choose from."""
        DEFAULT: ClassVar[SigmoidParameter.Engine]
        """Whichever suits the layer and the machine best."""
        CAFFE: ClassVar[SigmoidParameter.Engine]
        """The portable implementation."""
        CUDNN: ClassVar[SigmoidParameter.Engine]
        """NVIDIA's cuDNN, where there is one."""
    DEFAULT: ClassVar[SigmoidParameter.Engine]
    CAFFE: ClassVar[SigmoidParameter.Engine]
    CUDNN: ClassVar[SigmoidParameter.Engine]
    engine: int
    """Which implementation computes the layer; the numbers agree up to rounding."""
    def __init__(
        self,
        *,
        engine: int | str | None = ...,
    ) -> None: ...


class SliceParameter(Message):
    """Where a blob is cut into several."""
    axis: int
    """The axis to cut along; negative counts from the end."""
    slice_point: RepeatedScalarFieldContainer[int]
    """Where each top after the first begins, in rising order; unset, the tops are of equal size."""
    slice_dim: int
    """Old name of axis, without negative values."""
    def __init__(
        self,
        *,
        axis: int | None = ...,
        slice_point: Iterable[int] | None = ...,
        slice_dim: int | None = ...,
    ) -> None: ...


class SoftmaxParameter(Message):
    """How a softmax is computed."""
    class Engine(int, metaclass=EnumTypeWrapper):
        """Implementations to choose from."""
        DEFAULT: ClassVar[SoftmaxParameter.Engine]
        """Whichever suits the layer and the machine best."""
        CAFFE: ClassVar[SoftmaxParameter.Engine]
        """The portable implementation."""
        CUDNN: ClassVar[SoftmaxParameter.Engine]
        """NVIDIA's cuDNN, where there is one."""
    DEFAULT: ClassVar[SoftmaxParameter.Engine]
    CAFFE: ClassVar[SoftmaxParameter.Engine]
    CUDNN: ClassVar[SoftmaxParameter.Engine]
    axis: int
    """The axis along which probabilities add up to 1; negative counts from the end."""
    engine: int
    """Which implementation computes the layer; the numbers agree up to rounding."""
    def __init__(
        self,
        *,
        axis: int | None = ...,
        engine: int | str | None = ...,
    ) -> None: ...


class SPPParameter(Message):
    """How images of any size are pooled to one length."""
    class PoolMethod(int, metaclass=EnumTypeWrapper):
        """Ways to sum up a cell."""
        MAX: ClassVar[SPPParameter.PoolMethod]
        """Its largest value."""
        AVE: ClassVar[SPPParameter.PoolMethod]
        """Its mean value."""
        STOCHASTIC: ClassVar[SPPParameter.PoolMethod]
        """One of its values, picked at random in proportion to its size."""
    MAX: ClassVar[SPPParameter.PoolMethod]
    AVE: ClassVar[SPPParameter.PoolMethod]
    STOCHASTIC: ClassVar[SPPParameter.PoolMethod]
    class Engine(int, metaclass=EnumTypeWrapper):
        """Implementations to choose from."""
        DEFAULT: ClassVar[SPPParameter.Engine]
        """Whichever suits the layer and the machine best."""
        CAFFE: ClassVar[SPPParameter.Engine]
        """The portable implementation."""
        CUDNN: ClassVar[SPPParameter.Engine]
        """NVIDIA's cuDNN, where there is one."""
    DEFAULT: ClassVar[SPPParameter.Engine]
    CAFFE: ClassVar[SPPParameter.Engine]
    CUDNN: ClassVar[SPPParameter.Engine]
    pyramid_height: int
    """How many grids are pooled: 1 by 1, 2 by 2, 4 by 4 and so on, each twice as fine as the last."""
    pool: int
    """What is kept of each cell."""
    engine: int
    """Which implementation computes the layer; the numbers agree up to rounding."""
    def __init__(
        self,
        *,
        pyramid_height: int | None = ...,
        pool: int | str | None = ...,
        engine: int | str | None = ...,
    ) -> None: ...


class SwishParameter(Message):
    """The bend of a Swish curve."""
    beta: float
    """How sharply the curve bends at zero: large values approach ReLU, 0 gives the straight line x / 2."""
    def __init__(
        self,
        *,
        beta: float | None = ...,
    ) -> None: ...


class TanHParameter(Message):
    """How a TanH layer is computed."""
    class Engine(int, metaclass=EnumTypeWrapper):
        """Implementations to choose from."""
        DEFAULT: ClassVar[TanHParameter.Engine]
        """Whichever suits the layer and the machine best."""
        CAFFE: ClassVar[TanHParameter.Engine]
        """The portable implementation."""
        CUDNN: ClassVar[TanHParameter.Engine]
        """NVIDIA's cuDNN, where there is one."""
    DEFAULT: ClassVar[TanHParameter.Engine]
    CAFFE: ClassVar[TanHParameter.Engine]
    CUDNN: ClassVar[TanHParameter.Engine]
    engine: int
    """Which implementation computes the layer; the numbers agree up to rounding."""
    def __init__(
        self,
        *,
        engine: int | str | None = ...,
    ) -> None: ...


class ThresholdParameter(Message):
    """Where a Threshold layer switches from 0 to 1."""
    threshold: float
    """Values above this become 1, all others 0."""
    def __init__(
        self,
        *,
        threshold: float | None = ...,
    ) -> None: ...


class TileParameter(Message):
    """How a blob is repeated."""
    axis: int
    """The axis along which copies are put one after the other; negative counts from the end."""
    tiles: int
    """How many copies there are."""
    def __init__(
        self,
        *,
        axis: int | None = ...,
        tiles: int | None = ...,
    ) -> None: ...


class WindowDataParameter(Message):
    """Where a WindowData layer finds images and boxes, and how it picks among them."""
    source: str
    """Text file that lists the images, each with its labelled boxes and their overlaps."""
    root_folder: str
    """Put before every image path in the file."""
    batch_size: int
    """How many windows make one batch."""
    fg_threshold: float
    """Boxes that overlap an object at least this much count as the object."""
    bg_threshold: float
    """Boxes that overlap every object less than this count as background."""
    fg_fraction: float
    """Share of each batch that shows objects, the rest being background."""
    context_pad: int
    """Surroundings added on each side of a box, measured in the cropped window."""
    crop_mode: str
    """How a box becomes a square: warp stretches it, square widens the shorter side first."""
    cache_images: bool
    """Keeps every image file in memory: faster after the first pass, and as large as the files."""
    scale: float
    """Every value is multiplied by this after the mean is taken away; transform_param.scale is ignored here."""
    mean_file: str
    """Old place of transform_param.mean_file; ignored in a current layer."""
    crop_size: int
    """Old place of transform_param.crop_size; ignored in a current layer."""
    mirror: bool
    """Old place of transform_param.mirror; ignored in a current layer."""
    def __init__(
        self,
        *,
        source: str | None = ...,
        root_folder: str | None = ...,
        batch_size: int | None = ...,
        fg_threshold: float | None = ...,
        bg_threshold: float | None = ...,
        fg_fraction: float | None = ...,
        context_pad: int | None = ...,
        crop_mode: str | None = ...,
        cache_images: bool | None = ...,
        scale: float | None = ...,
        mean_file: str | None = ...,
        crop_size: int | None = ...,
        mirror: bool | None = ...,
    ) -> None: ...


class SolverParameter(Message):
    """A whole training run: which net, how it learns, when it is tested and saved."""
    class SnapshotFormat(int, metaclass=EnumTypeWrapper):
        """Formats of saved states."""
        HDF5: ClassVar[SolverParameter.SnapshotFormat]
        """HDF5 files, readable by many programs; layer names must not contain a slash."""
        BINARYPROTO: ClassVar[SolverParameter.SnapshotFormat]
        """Protocol buffers: .caffemodel and .solverstate files."""
    HDF5: ClassVar[SolverParameter.SnapshotFormat]
    BINARYPROTO: ClassVar[SolverParameter.SnapshotFormat]
    class SolverMode(int, metaclass=EnumTypeWrapper):
        """Places to compute."""
        CPU: ClassVar[SolverParameter.SolverMode]
        """On the processor."""
        GPU: ClassVar[SolverParameter.SolverMode]
        """On the graphics card."""
    CPU: ClassVar[SolverParameter.SolverMode]
    GPU: ClassVar[SolverParameter.SolverMode]
    class SolverType(int, metaclass=EnumTypeWrapper):
        """Old numbers of the update rules."""
        SGD: ClassVar[SolverParameter.SolverType]
        """Gradient descent, with momentum if it is set."""
        NESTEROV: ClassVar[SolverParameter.SolverType]
        """Momentum that looks one step ahead."""
        ADAGRAD: ClassVar[SolverParameter.SolverType]
        """Steps that shrink for weights that have moved much."""
        RMSPROP: ClassVar[SolverParameter.SolverType]
        """Steps divided by the recent size of the gradient."""
        ADADELTA: ClassVar[SolverParameter.SolverType]
        """Steps whose size adapts by itself, nearly without a learning rate."""
        ADAM: ClassVar[SolverParameter.SolverType]
        """Momentum together with steps divided by the recent size of the gradient."""
    SGD: ClassVar[SolverParameter.SolverType]
    NESTEROV: ClassVar[SolverParameter.SolverType]
    ADAGRAD: ClassVar[SolverParameter.SolverType]
    RMSPROP: ClassVar[SolverParameter.SolverType]
    ADADELTA: ClassVar[SolverParameter.SolverType]
    ADAM: ClassVar[SolverParameter.SolverType]
    net: str
    """File with one net that serves for training and for testing, told apart by include rules."""
    train_net: str
    """File with a net for training alone; use either this or net."""
    test_net: RepeatedScalarFieldContainer[str]
    """Files with nets for testing alone."""
    net_param: NetParameter
    """The net for training and testing, written right here and not in a file."""
    train_net_param: NetParameter
    """The training net, written right here and not in a file."""
    test_net_param: RepeatedCompositeFieldContainer[NetParameter]
    """The test nets, written right here and not in files."""
    train_state: NetState
    """Level and stages that the training net is built for."""
    test_state: RepeatedCompositeFieldContainer[NetState]
    """Level and stages that each test net is built for, one for every test net."""
    weights: RepeatedScalarFieldContainer[str]
    """Files with weights to start from, matched to layers by name."""
    type: str
    """The rule that turns gradients into updates."""
    base_lr: float
    """Length of the first step along the gradient; too large diverges, too small crawls."""
    lr_policy: str
    """How the learning rate changes as iterations go by."""
    gamma: float
    """Strength of the change: a factor for step, multistep, exp, plateau and stepearly, a slope for inv and sigmoid."""
    power: float
    """Exponent of the change, for inv and poly."""
    stepsize: int
    """How many iterations lie between two drops, for step; the middle of the curve, for sigmoid."""
    stepvalue: RepeatedScalarFieldContainer[int]
    """Iterations at which the rate drops, in rising order, for multistep."""
    plateau_winsize: RepeatedScalarFieldContainer[int]
    """Not BVLC's: iterations without a new least loss after which the rate drops, one number for each drop, for plateau."""
    stepearly: int
    """Not BVLC's: tests without a new best first output after which the rate drops, for stepearly."""
    momentum: float
    """How much of the last update is carried into the next; AdaGrad and RMSProp refuse it."""
    momentum2: float
    """How much of the average squared gradient survives each iteration, for Adam."""
    rms_decay: float
    """How much of the average squared gradient survives each iteration, for RMSProp."""
    delta: float
    """Keeps divisions away from zero, for AdaGrad, RMSProp, AdaDelta and Adam."""
    weight_decay: float
    """Pulls every weight towards zero at each update, against overfitting; 0 does not pull."""
    regularization_type: str
    """Whether decay grows with a weight (L2) or pulls all equally hard, towards sparse weights (L1)."""
    clip_gradients: float
    """Scales all gradients down together where their joint length exceeds this; a negative value never does."""
    max_iter: int
    """The iteration at which training ends."""
    iter_size: int
    """How many batches are averaged for one update: the effect of a larger batch without its memory."""
    display: int
    """How many iterations lie between two lines in the log; 0 logs none."""
    average_loss: int
    """Over how many iterations the logged loss is averaged; more gives a calmer curve."""
    test_iter: RepeatedScalarFieldContainer[int]
    """How many batches make one test, one number for every test net; times the batch size, cover the test set."""
    test_interval: int
    """How many iterations lie between two tests; 0 never tests."""
    test_initialization: bool
    """Tests once before training begins, which shows that the test net works and where it starts from."""
    test_compute_loss: bool
    """Logs the total loss of the test nets as well."""
    eval_type: str
    """Not BVLC's: whether tests give means of outputs (classification) or the mean average precision (detection)."""
    ap_version: str
    """Not BVLC's: how the precision over the recall becomes one number, for eval_type detection."""
    show_per_class_result: bool
    """Not BVLC's: logs the average precision of every class as well, for eval_type detection."""
    snapshot: int
    """How many iterations lie between two saved states; 0 saves none on the way."""
    snapshot_prefix: str
    """Path and beginning of the names of saved files; _iter_N and an ending are added."""
    snapshot_format: int
    """The format of saved files."""
    snapshot_after_train: bool
    """Saves the state at the end of training as well."""
    snapshot_diff: bool
    """Saves gradients beside the weights, for looking at; doubles the size."""
    solver_mode: int
    """Where the net is computed."""
    device_id: int
    """Which GPU to use, counted from 0."""
    random_seed: int
    """Makes a run repeatable: the same number gives the same random values; -1 picks a new one each time."""
    layer_wise_reduce: bool
    """Exchanges gradients of several workers layer by layer during backward, not all at the end."""
    debug_info: bool
    """Logs the mean size of every blob, weight and gradient at each step, which finds vanishing or exploding values."""
    solver_type: int
    """Old form of type; upgraded when the solver is read."""
    def __init__(
        self,
        *,
        net: str | None = ...,
        train_net: str | None = ...,
        test_net: Iterable[str] | None = ...,
        net_param: NetParameter | Mapping[str, Any] | None = ...,
        train_net_param: NetParameter | Mapping[str, Any] | None = ...,
        test_net_param: Iterable[NetParameter | Mapping[str, Any]] | None = ...,
        train_state: NetState | Mapping[str, Any] | None = ...,
        test_state: Iterable[NetState | Mapping[str, Any]] | None = ...,
        weights: Iterable[str] | None = ...,
        type: str | None = ...,
        base_lr: float | None = ...,
        lr_policy: str | None = ...,
        gamma: float | None = ...,
        power: float | None = ...,
        stepsize: int | None = ...,
        stepvalue: Iterable[int] | None = ...,
        plateau_winsize: Iterable[int] | None = ...,
        stepearly: int | None = ...,
        momentum: float | None = ...,
        momentum2: float | None = ...,
        rms_decay: float | None = ...,
        delta: float | None = ...,
        weight_decay: float | None = ...,
        regularization_type: str | None = ...,
        clip_gradients: float | None = ...,
        max_iter: int | None = ...,
        iter_size: int | None = ...,
        display: int | None = ...,
        average_loss: int | None = ...,
        test_iter: Iterable[int] | None = ...,
        test_interval: int | None = ...,
        test_initialization: bool | None = ...,
        test_compute_loss: bool | None = ...,
        eval_type: str | None = ...,
        ap_version: str | None = ...,
        show_per_class_result: bool | None = ...,
        snapshot: int | None = ...,
        snapshot_prefix: str | None = ...,
        snapshot_format: int | str | None = ...,
        snapshot_after_train: bool | None = ...,
        snapshot_diff: bool | None = ...,
        solver_mode: int | str | None = ...,
        device_id: int | None = ...,
        random_seed: int | None = ...,
        layer_wise_reduce: bool | None = ...,
        debug_info: bool | None = ...,
        solver_type: int | str | None = ...,
    ) -> None: ...


class SolverState(Message):
    """What a solver must remember, beside the weights, to go on as if it had not stopped."""
    iter: int
    """The iteration at which the state was saved."""
    learned_net: str
    """File with the weights that belong to this state."""
    history: RepeatedCompositeFieldContainer[BlobProto]
    """The solver's memory, such as momentum, one array or more for every learnable blob."""
    current_step: int
    """How many drops of the learning rate lie behind, for step and multistep."""
    def __init__(
        self,
        *,
        iter: int | None = ...,
        learned_net: str | None = ...,
        history: Iterable[BlobProto | Mapping[str, Any]] | None = ...,
        current_step: int | None = ...,
    ) -> None: ...


class BlobShape(Message):
    """The shape of a blob."""
    dim: RepeatedScalarFieldContainer[int]
    """The size of each axis, slowest first; images are batch, channels, height, width."""
    def __init__(
        self,
        *,
        dim: Iterable[int] | None = ...,
    ) -> None: ...


class BlobProto(Message):
    """An array as it is stored in a file."""
    shape: BlobShape
    """The shape of the array."""
    data: RepeatedScalarFieldContainer[float]
    """The values in single precision, the last axis running fastest."""
    diff: RepeatedScalarFieldContainer[float]
    """The gradients in single precision; mostly left out."""
    double_data: RepeatedScalarFieldContainer[float]
    """The values in double precision, in place of data."""
    double_diff: RepeatedScalarFieldContainer[float]
    """The gradients in double precision, in place of diff."""
    num: int
    """First size of an old 4-D shape; shape replaces it."""
    channels: int
    """Second size of an old 4-D shape; shape replaces it."""
    height: int
    """Third size of an old 4-D shape; shape replaces it."""
    width: int
    """Fourth size of an old 4-D shape; shape replaces it."""
    def __init__(
        self,
        *,
        shape: BlobShape | Mapping[str, Any] | None = ...,
        data: Iterable[float] | None = ...,
        diff: Iterable[float] | None = ...,
        double_data: Iterable[float] | None = ...,
        double_diff: Iterable[float] | None = ...,
        num: int | None = ...,
        channels: int | None = ...,
        height: int | None = ...,
        width: int | None = ...,
    ) -> None: ...


class BlobProtoVector(Message):
    """Several arrays in one file."""
    blobs: RepeatedCompositeFieldContainer[BlobProto]
    """The arrays, one after the other."""
    def __init__(
        self,
        *,
        blobs: Iterable[BlobProto | Mapping[str, Any]] | None = ...,
    ) -> None: ...


class Datum(Message):
    """One item of a database: an image or a vector, with its label."""
    channels: int
    """How many channels the item has."""
    height: int
    """Height of the item."""
    width: int
    """Width of the item."""
    data: bytes
    """The values as bytes, channel by channel in blue, green, red order, or a whole image file if encoded."""
    label: int
    """The class of the item, counted from 0."""
    float_data: RepeatedScalarFieldContainer[float]
    """The values as numbers, where bytes are not enough."""
    encoded: bool
    """Says that data holds a compressed image file, such as JPEG or PNG."""
    def __init__(
        self,
        *,
        channels: int | None = ...,
        height: int | None = ...,
        width: int | None = ...,
        data: bytes | None = ...,
        label: int | None = ...,
        float_data: Iterable[float] | None = ...,
        encoded: bool | None = ...,
    ) -> None: ...


class V1LayerParameter(Message):
    """A layer in the format of 2013 and 2014, numbered types and all; upgraded to LayerParameter when read."""
    class LayerType(int, metaclass=EnumTypeWrapper):
        NONE: ClassVar[V1LayerParameter.LayerType]
        ABSVAL: ClassVar[V1LayerParameter.LayerType]
        ACCURACY: ClassVar[V1LayerParameter.LayerType]
        ARGMAX: ClassVar[V1LayerParameter.LayerType]
        BNLL: ClassVar[V1LayerParameter.LayerType]
        CONCAT: ClassVar[V1LayerParameter.LayerType]
        CONTRASTIVE_LOSS: ClassVar[V1LayerParameter.LayerType]
        CONVOLUTION: ClassVar[V1LayerParameter.LayerType]
        CROP: ClassVar[V1LayerParameter.LayerType]
        """Not BVLC's: a Crop layer of fully convolutional nets, which finds its offset in the layers between its bottoms."""
        DATA: ClassVar[V1LayerParameter.LayerType]
        DECONVOLUTION: ClassVar[V1LayerParameter.LayerType]
        DROPOUT: ClassVar[V1LayerParameter.LayerType]
        DUMMY_DATA: ClassVar[V1LayerParameter.LayerType]
        EUCLIDEAN_LOSS: ClassVar[V1LayerParameter.LayerType]
        ELTWISE: ClassVar[V1LayerParameter.LayerType]
        EXP: ClassVar[V1LayerParameter.LayerType]
        FLATTEN: ClassVar[V1LayerParameter.LayerType]
        HDF5_DATA: ClassVar[V1LayerParameter.LayerType]
        HDF5_OUTPUT: ClassVar[V1LayerParameter.LayerType]
        HINGE_LOSS: ClassVar[V1LayerParameter.LayerType]
        IM2COL: ClassVar[V1LayerParameter.LayerType]
        IMAGE_DATA: ClassVar[V1LayerParameter.LayerType]
        INFOGAIN_LOSS: ClassVar[V1LayerParameter.LayerType]
        INNER_PRODUCT: ClassVar[V1LayerParameter.LayerType]
        LRN: ClassVar[V1LayerParameter.LayerType]
        MEMORY_DATA: ClassVar[V1LayerParameter.LayerType]
        MULTINOMIAL_LOGISTIC_LOSS: ClassVar[V1LayerParameter.LayerType]
        MVN: ClassVar[V1LayerParameter.LayerType]
        POOLING: ClassVar[V1LayerParameter.LayerType]
        POWER: ClassVar[V1LayerParameter.LayerType]
        RELU: ClassVar[V1LayerParameter.LayerType]
        SIGMOID: ClassVar[V1LayerParameter.LayerType]
        SIGMOID_CROSS_ENTROPY_LOSS: ClassVar[V1LayerParameter.LayerType]
        SILENCE: ClassVar[V1LayerParameter.LayerType]
        SOFTMAX: ClassVar[V1LayerParameter.LayerType]
        SOFTMAX_LOSS: ClassVar[V1LayerParameter.LayerType]
        SPLIT: ClassVar[V1LayerParameter.LayerType]
        SLICE: ClassVar[V1LayerParameter.LayerType]
        TANH: ClassVar[V1LayerParameter.LayerType]
        WINDOW_DATA: ClassVar[V1LayerParameter.LayerType]
        THRESHOLD: ClassVar[V1LayerParameter.LayerType]
    NONE: ClassVar[V1LayerParameter.LayerType]
    ABSVAL: ClassVar[V1LayerParameter.LayerType]
    ACCURACY: ClassVar[V1LayerParameter.LayerType]
    ARGMAX: ClassVar[V1LayerParameter.LayerType]
    BNLL: ClassVar[V1LayerParameter.LayerType]
    CONCAT: ClassVar[V1LayerParameter.LayerType]
    CONTRASTIVE_LOSS: ClassVar[V1LayerParameter.LayerType]
    CONVOLUTION: ClassVar[V1LayerParameter.LayerType]
    CROP: ClassVar[V1LayerParameter.LayerType]
    DATA: ClassVar[V1LayerParameter.LayerType]
    DECONVOLUTION: ClassVar[V1LayerParameter.LayerType]
    DROPOUT: ClassVar[V1LayerParameter.LayerType]
    DUMMY_DATA: ClassVar[V1LayerParameter.LayerType]
    EUCLIDEAN_LOSS: ClassVar[V1LayerParameter.LayerType]
    ELTWISE: ClassVar[V1LayerParameter.LayerType]
    EXP: ClassVar[V1LayerParameter.LayerType]
    FLATTEN: ClassVar[V1LayerParameter.LayerType]
    HDF5_DATA: ClassVar[V1LayerParameter.LayerType]
    HDF5_OUTPUT: ClassVar[V1LayerParameter.LayerType]
    HINGE_LOSS: ClassVar[V1LayerParameter.LayerType]
    IM2COL: ClassVar[V1LayerParameter.LayerType]
    IMAGE_DATA: ClassVar[V1LayerParameter.LayerType]
    INFOGAIN_LOSS: ClassVar[V1LayerParameter.LayerType]
    INNER_PRODUCT: ClassVar[V1LayerParameter.LayerType]
    LRN: ClassVar[V1LayerParameter.LayerType]
    MEMORY_DATA: ClassVar[V1LayerParameter.LayerType]
    MULTINOMIAL_LOGISTIC_LOSS: ClassVar[V1LayerParameter.LayerType]
    MVN: ClassVar[V1LayerParameter.LayerType]
    POOLING: ClassVar[V1LayerParameter.LayerType]
    POWER: ClassVar[V1LayerParameter.LayerType]
    RELU: ClassVar[V1LayerParameter.LayerType]
    SIGMOID: ClassVar[V1LayerParameter.LayerType]
    SIGMOID_CROSS_ENTROPY_LOSS: ClassVar[V1LayerParameter.LayerType]
    SILENCE: ClassVar[V1LayerParameter.LayerType]
    SOFTMAX: ClassVar[V1LayerParameter.LayerType]
    SOFTMAX_LOSS: ClassVar[V1LayerParameter.LayerType]
    SPLIT: ClassVar[V1LayerParameter.LayerType]
    SLICE: ClassVar[V1LayerParameter.LayerType]
    TANH: ClassVar[V1LayerParameter.LayerType]
    WINDOW_DATA: ClassVar[V1LayerParameter.LayerType]
    THRESHOLD: ClassVar[V1LayerParameter.LayerType]
    class DimCheckMode(int, metaclass=EnumTypeWrapper):
        STRICT: ClassVar[V1LayerParameter.DimCheckMode]
        PERMISSIVE: ClassVar[V1LayerParameter.DimCheckMode]
    STRICT: ClassVar[V1LayerParameter.DimCheckMode]
    PERMISSIVE: ClassVar[V1LayerParameter.DimCheckMode]
    bottom: RepeatedScalarFieldContainer[str]
    top: RepeatedScalarFieldContainer[str]
    name: str
    include: RepeatedCompositeFieldContainer[NetStateRule]
    exclude: RepeatedCompositeFieldContainer[NetStateRule]
    type: int
    blobs: RepeatedCompositeFieldContainer[BlobProto]
    param: RepeatedScalarFieldContainer[str]
    blob_share_mode: RepeatedScalarFieldContainer[int]
    blobs_lr: RepeatedScalarFieldContainer[float]
    weight_decay: RepeatedScalarFieldContainer[float]
    loss_weight: RepeatedScalarFieldContainer[float]
    accuracy_param: AccuracyParameter
    argmax_param: ArgMaxParameter
    concat_param: ConcatParameter
    contrastive_loss_param: ContrastiveLossParameter
    convolution_param: ConvolutionParameter
    data_param: DataParameter
    dropout_param: DropoutParameter
    dummy_data_param: DummyDataParameter
    eltwise_param: EltwiseParameter
    exp_param: ExpParameter
    hdf5_data_param: HDF5DataParameter
    hdf5_output_param: HDF5OutputParameter
    hinge_loss_param: HingeLossParameter
    image_data_param: ImageDataParameter
    infogain_loss_param: InfogainLossParameter
    inner_product_param: InnerProductParameter
    lrn_param: LRNParameter
    memory_data_param: MemoryDataParameter
    mvn_param: MVNParameter
    pooling_param: PoolingParameter
    power_param: PowerParameter
    relu_param: ReLUParameter
    sigmoid_param: SigmoidParameter
    softmax_param: SoftmaxParameter
    slice_param: SliceParameter
    tanh_param: TanHParameter
    threshold_param: ThresholdParameter
    window_data_param: WindowDataParameter
    transform_param: TransformationParameter
    loss_param: LossParameter
    layer: V0LayerParameter
    def __init__(
        self,
        *,
        bottom: Iterable[str] | None = ...,
        top: Iterable[str] | None = ...,
        name: str | None = ...,
        include: Iterable[NetStateRule | Mapping[str, Any]] | None = ...,
        exclude: Iterable[NetStateRule | Mapping[str, Any]] | None = ...,
        type: int | str | None = ...,
        blobs: Iterable[BlobProto | Mapping[str, Any]] | None = ...,
        param: Iterable[str] | None = ...,
        blob_share_mode: Iterable[int | str] | None = ...,
        blobs_lr: Iterable[float] | None = ...,
        weight_decay: Iterable[float] | None = ...,
        loss_weight: Iterable[float] | None = ...,
        accuracy_param: AccuracyParameter | Mapping[str, Any] | None = ...,
        argmax_param: ArgMaxParameter | Mapping[str, Any] | None = ...,
        concat_param: ConcatParameter | Mapping[str, Any] | None = ...,
        contrastive_loss_param: ContrastiveLossParameter | Mapping[str, Any] | None = ...,
        convolution_param: ConvolutionParameter | Mapping[str, Any] | None = ...,
        data_param: DataParameter | Mapping[str, Any] | None = ...,
        dropout_param: DropoutParameter | Mapping[str, Any] | None = ...,
        dummy_data_param: DummyDataParameter | Mapping[str, Any] | None = ...,
        eltwise_param: EltwiseParameter | Mapping[str, Any] | None = ...,
        exp_param: ExpParameter | Mapping[str, Any] | None = ...,
        hdf5_data_param: HDF5DataParameter | Mapping[str, Any] | None = ...,
        hdf5_output_param: HDF5OutputParameter | Mapping[str, Any] | None = ...,
        hinge_loss_param: HingeLossParameter | Mapping[str, Any] | None = ...,
        image_data_param: ImageDataParameter | Mapping[str, Any] | None = ...,
        infogain_loss_param: InfogainLossParameter | Mapping[str, Any] | None = ...,
        inner_product_param: InnerProductParameter | Mapping[str, Any] | None = ...,
        lrn_param: LRNParameter | Mapping[str, Any] | None = ...,
        memory_data_param: MemoryDataParameter | Mapping[str, Any] | None = ...,
        mvn_param: MVNParameter | Mapping[str, Any] | None = ...,
        pooling_param: PoolingParameter | Mapping[str, Any] | None = ...,
        power_param: PowerParameter | Mapping[str, Any] | None = ...,
        relu_param: ReLUParameter | Mapping[str, Any] | None = ...,
        sigmoid_param: SigmoidParameter | Mapping[str, Any] | None = ...,
        softmax_param: SoftmaxParameter | Mapping[str, Any] | None = ...,
        slice_param: SliceParameter | Mapping[str, Any] | None = ...,
        tanh_param: TanHParameter | Mapping[str, Any] | None = ...,
        threshold_param: ThresholdParameter | Mapping[str, Any] | None = ...,
        window_data_param: WindowDataParameter | Mapping[str, Any] | None = ...,
        transform_param: TransformationParameter | Mapping[str, Any] | None = ...,
        loss_param: LossParameter | Mapping[str, Any] | None = ...,
        layer: V0LayerParameter | Mapping[str, Any] | None = ...,
    ) -> None: ...


class V0LayerParameter(Message):
    """A layer in the first format of all, nested in a V1LayerParameter; upgraded when read."""
    class PoolMethod(int, metaclass=EnumTypeWrapper):
        MAX: ClassVar[V0LayerParameter.PoolMethod]
        AVE: ClassVar[V0LayerParameter.PoolMethod]
        STOCHASTIC: ClassVar[V0LayerParameter.PoolMethod]
    MAX: ClassVar[V0LayerParameter.PoolMethod]
    AVE: ClassVar[V0LayerParameter.PoolMethod]
    STOCHASTIC: ClassVar[V0LayerParameter.PoolMethod]
    name: str
    type: str
    num_output: int
    biasterm: bool
    weight_filler: FillerParameter
    bias_filler: FillerParameter
    pad: int
    kernelsize: int
    group: int
    stride: int
    pool: int
    dropout_ratio: float
    local_size: int
    alpha: float
    beta: float
    k: float
    source: str
    scale: float
    meanfile: str
    batchsize: int
    cropsize: int
    mirror: bool
    blobs: RepeatedCompositeFieldContainer[BlobProto]
    blobs_lr: RepeatedScalarFieldContainer[float]
    weight_decay: RepeatedScalarFieldContainer[float]
    rand_skip: int
    det_fg_threshold: float
    det_bg_threshold: float
    det_fg_fraction: float
    det_context_pad: int
    det_crop_mode: str
    new_num: int
    new_channels: int
    new_height: int
    new_width: int
    shuffle_images: bool
    concat_dim: int
    hdf5_output_param: HDF5OutputParameter
    def __init__(
        self,
        *,
        name: str | None = ...,
        type: str | None = ...,
        num_output: int | None = ...,
        biasterm: bool | None = ...,
        weight_filler: FillerParameter | Mapping[str, Any] | None = ...,
        bias_filler: FillerParameter | Mapping[str, Any] | None = ...,
        pad: int | None = ...,
        kernelsize: int | None = ...,
        group: int | None = ...,
        stride: int | None = ...,
        pool: int | str | None = ...,
        dropout_ratio: float | None = ...,
        local_size: int | None = ...,
        alpha: float | None = ...,
        beta: float | None = ...,
        k: float | None = ...,
        source: str | None = ...,
        scale: float | None = ...,
        meanfile: str | None = ...,
        batchsize: int | None = ...,
        cropsize: int | None = ...,
        mirror: bool | None = ...,
        blobs: Iterable[BlobProto | Mapping[str, Any]] | None = ...,
        blobs_lr: Iterable[float] | None = ...,
        weight_decay: Iterable[float] | None = ...,
        rand_skip: int | None = ...,
        det_fg_threshold: float | None = ...,
        det_bg_threshold: float | None = ...,
        det_fg_fraction: float | None = ...,
        det_context_pad: int | None = ...,
        det_crop_mode: str | None = ...,
        new_num: int | None = ...,
        new_channels: int | None = ...,
        new_height: int | None = ...,
        new_width: int | None = ...,
        shuffle_images: bool | None = ...,
        concat_dim: int | None = ...,
        hdf5_output_param: HDF5OutputParameter | Mapping[str, Any] | None = ...,
    ) -> None: ...


class AnnotatedDataParameter(Message):
    """What an AnnotatedData layer does beyond what data_param and transform_param say."""
    batch_sampler: RepeatedCompositeFieldContainer[BatchSampler]
    """Ways to cut a part out of each image; of all the parts found for an image one is taken by chance."""
    label_map_file: str
    """Text file that gives classes their names; only looked at by people here."""
    anno_type: int
    """Takes all rows to be annotated in this way, whatever they say."""
    def __init__(
        self,
        *,
        batch_sampler: Iterable[BatchSampler | Mapping[str, Any]] | None = ...,
        label_map_file: str | None = ...,
        anno_type: int | str | None = ...,
    ) -> None: ...


class AnnotatedDatum(Message):
    """One item of a database of an AnnotatedData layer: an image with what is seen where."""
    class AnnotationType(int, metaclass=EnumTypeWrapper):
        """Ways to say where something is."""
        BBOX: ClassVar[AnnotatedDatum.AnnotationType]
        """A box around each thing."""
    BBOX: ClassVar[AnnotatedDatum.AnnotationType]
    datum: Datum
    """The image, with one label where nothing else is said of it."""
    type: int
    """How the image is annotated; unset, by the label of datum alone."""
    annotation_group: RepeatedCompositeFieldContainer[AnnotationGroup]
    """The things in the image, class by class."""
    def __init__(
        self,
        *,
        datum: Datum | Mapping[str, Any] | None = ...,
        type: int | str | None = ...,
        annotation_group: Iterable[AnnotationGroup | Mapping[str, Any]] | None = ...,
    ) -> None: ...


class Annotation(Message):
    """One thing in an image."""
    instance_id: int
    """Number of the thing among those of its class, counted from 0."""
    bbox: NormalizedBBox
    """The box around the thing."""
    def __init__(
        self,
        *,
        instance_id: int | None = ...,
        bbox: NormalizedBBox | Mapping[str, Any] | None = ...,
    ) -> None: ...


class AnnotationGroup(Message):
    """The things of one class in an image."""
    group_label: int
    """The class, counted from 1 where 0 is the background."""
    annotation: RepeatedCompositeFieldContainer[Annotation]
    """The things of that class."""
    def __init__(
        self,
        *,
        group_label: int | None = ...,
        annotation: Iterable[Annotation | Mapping[str, Any]] | None = ...,
    ) -> None: ...


class BatchSampler(Message):
    """One way in which an AnnotatedData layer looks for a part of an image."""
    use_original_image: bool
    """Draws parts of the whole image; false switches this sampler off."""
    sampler: Sampler
    """Of which size and proportions the parts are."""
    sample_constraint: SampleConstraint
    """How a part must lie to the things in the image; unset, any will do."""
    max_sample: int
    """How many parts are looked for; unset, as many as the trials yield."""
    max_trials: int
    """How many parts are drawn at most."""
    def __init__(
        self,
        *,
        use_original_image: bool | None = ...,
        sampler: Sampler | Mapping[str, Any] | None = ...,
        sample_constraint: SampleConstraint | Mapping[str, Any] | None = ...,
        max_sample: int | None = ...,
        max_trials: int | None = ...,
    ) -> None: ...


class BNParameter(Message):
    """Scale, offset and running statistics of a BN layer, in the words of two forks that do not mix."""
    class BNMode(int, metaclass=EnumTypeWrapper):
        """Where the statistics of SegNet's BN come from."""
        LEARN: ClassVar[BNParameter.BNMode]
        """From the batch, in both phases."""
        INFERENCE: ClassVar[BNParameter.BNMode]
        """From scale and offset, into which a script has merged them."""
    LEARN: ClassVar[BNParameter.BNMode]
    INFERENCE: ClassVar[BNParameter.BNMode]
    class Engine(int, metaclass=EnumTypeWrapper):
        """Implementations to choose from."""
        DEFAULT: ClassVar[BNParameter.Engine]
        """Whichever suits the layer and the machine best."""
        CAFFE: ClassVar[BNParameter.Engine]
        """The portable implementation."""
        CUDNN: ClassVar[BNParameter.Engine]
        """NVIDIA's cuDNN, where there is one."""
    DEFAULT: ClassVar[BNParameter.Engine]
    CAFFE: ClassVar[BNParameter.Engine]
    CUDNN: ClassVar[BNParameter.Engine]
    slope_filler: FillerParameter
    """How the scale of each channel starts out (PSPNet, temporal segment networks)."""
    bias_filler: FillerParameter
    """How the offset of each channel starts out (PSPNet, temporal segment networks)."""
    momentum: float
    """How much of the running statistics survives each batch; nearer to 1 remembers longer."""
    eps: float
    """Added to the variance so that a constant channel does not divide by zero."""
    frozen: bool
    """Uses the running statistics in training too, and learns neither scale nor offset."""
    engine: int
    """Which implementation computes the layer; here they are one."""
    scale_filler: FillerParameter
    """How the scale of each channel starts out (SegNet, ENet; its number there is 1)."""
    shift_filler: FillerParameter
    """How the offset of each channel starts out (SegNet, ENet; its number there is 2)."""
    bn_mode: int
    """Whether the batch's statistics are used or are already part of scale and offset (SegNet, ENet; its number there is 3)."""
    def __init__(
        self,
        *,
        slope_filler: FillerParameter | Mapping[str, Any] | None = ...,
        bias_filler: FillerParameter | Mapping[str, Any] | None = ...,
        momentum: float | None = ...,
        eps: float | None = ...,
        frozen: bool | None = ...,
        engine: int | str | None = ...,
        scale_filler: FillerParameter | Mapping[str, Any] | None = ...,
        shift_filler: FillerParameter | Mapping[str, Any] | None = ...,
        bn_mode: int | str | None = ...,
    ) -> None: ...


class ContinuationIndicatorParameter(Message):
    """The shape of the marks that a ContinuationIndicator layer makes."""
    time_step: int
    """How many steps a sequence has."""
    batch_size: int
    """How many sequences run side by side; needed where there is no bottom to take it from."""
    def __init__(
        self,
        *,
        time_step: int | None = ...,
        batch_size: int | None = ...,
    ) -> None: ...


class CropCenterParameter(Message):
    """How much a CropCenter layer cuts off."""
    crop_size: RepeatedScalarFieldContainer[int]
    """For each axis how much is cut off at its beginning, and as much at its end."""
    def __init__(
        self,
        *,
        crop_size: Iterable[int] | None = ...,
    ) -> None: ...


class DetectionEvaluateParameter(Message):
    """How a DetectionEvaluate layer compares detections with what is there."""
    num_classes: int
    """How many classes there are, the background counted in."""
    background_label_id: int
    """The class that stands for nothing being there, of which there must be no box."""
    overlap_threshold: float
    """Overlap (intersection over union) from which a detection is right."""
    evaluate_difficult_gt: bool
    """Counts things that are marked as difficult too."""
    name_size_file: str
    """File with the name, height and width of each image, in whose pixels boxes are then compared."""
    resize_param: ResizeParameter
    """How images were resized before."""
    def __init__(
        self,
        *,
        num_classes: int | None = ...,
        background_label_id: int | None = ...,
        overlap_threshold: float | None = ...,
        evaluate_difficult_gt: bool | None = ...,
        name_size_file: str | None = ...,
        resize_param: ResizeParameter | Mapping[str, Any] | None = ...,
    ) -> None: ...


class DetectionOutputParameter(Message):
    """How a DetectionOutput layer turns predictions into boxes, and which of them it keeps."""
    num_classes: int
    """How many classes are predicted, the background counted in."""
    share_location: bool
    """Predicts one box for all classes (true) or one for each."""
    background_label_id: int
    """The class that stands for nothing being there, whose boxes are left out; -1 where there is none."""
    nms_param: NonMaximumSuppressionParameter
    """How boxes that overlap a better one are left out."""
    save_output_param: SaveOutputParameter
    """Where detections would be written; no files are written here."""
    code_type: int
    """What the four predicted numbers mean, as seen from the prior box."""
    keep_top_k: int
    """How many boxes are kept of each image; -1 keeps all."""
    variance_encoded_in_target: bool
    """Takes the predictions as they are, without multiplying by the prior's variances."""
    confidence_threshold: float
    """Boxes must have a confidence above this; unset, all do."""
    visualize: bool
    """Would show the detections in a window; not done here."""
    visualize_threshold: float
    """Confidence from which a detection would be shown."""
    save_file: str
    """File into which the window's video would be written."""
    def __init__(
        self,
        *,
        num_classes: int | None = ...,
        share_location: bool | None = ...,
        background_label_id: int | None = ...,
        nms_param: NonMaximumSuppressionParameter | Mapping[str, Any] | None = ...,
        save_output_param: SaveOutputParameter | Mapping[str, Any] | None = ...,
        code_type: int | str | None = ...,
        keep_top_k: int | None = ...,
        variance_encoded_in_target: bool | None = ...,
        confidence_threshold: float | None = ...,
        visualize: bool | None = ...,
        visualize_threshold: float | None = ...,
        save_file: str | None = ...,
    ) -> None: ...


class DistortionParameter(Message):
    """How the colours of images are changed by chance."""
    brightness_prob: float
    """Chance that the brightness is changed."""
    brightness_delta: float
    """The most that is added to all channels, or taken from them."""
    contrast_prob: float
    """Chance that the contrast is changed."""
    contrast_lower: float
    """Smallest factor of the contrast."""
    contrast_upper: float
    """Largest factor of the contrast."""
    hue_prob: float
    """Chance that the hue is changed."""
    hue_delta: float
    """The most that the hue is turned either way, half a turn being 90."""
    saturation_prob: float
    """Chance that the saturation is changed."""
    saturation_lower: float
    """Smallest factor of the saturation."""
    saturation_upper: float
    """Largest factor of the saturation."""
    random_order_prob: float
    """Chance that the channels are shuffled."""
    def __init__(
        self,
        *,
        brightness_prob: float | None = ...,
        brightness_delta: float | None = ...,
        contrast_prob: float | None = ...,
        contrast_lower: float | None = ...,
        contrast_upper: float | None = ...,
        hue_prob: float | None = ...,
        hue_delta: float | None = ...,
        saturation_prob: float | None = ...,
        saturation_lower: float | None = ...,
        saturation_upper: float | None = ...,
        random_order_prob: float | None = ...,
    ) -> None: ...


class EmitConstraint(Message):
    """Which boxes still count after an image was cropped."""
    class EmitType(int, metaclass=EnumTypeWrapper):
        """Conditions on a box."""
        CENTER: ClassVar[EmitConstraint.EmitType]
        """Its centre lies in the crop."""
        MIN_OVERLAP: ClassVar[EmitConstraint.EmitType]
        """More than a given share of it lies in the crop."""
    CENTER: ClassVar[EmitConstraint.EmitType]
    MIN_OVERLAP: ClassVar[EmitConstraint.EmitType]
    emit_type: int
    """What is asked of a box."""
    emit_overlap: float
    """Share of the box that must lie in the crop, for MIN_OVERLAP."""
    def __init__(
        self,
        *,
        emit_type: int | str | None = ...,
        emit_overlap: float | None = ...,
    ) -> None: ...


class ExpansionParameter(Message):
    """How images are set into a larger canvas by chance."""
    prob: float
    """Chance that an image is set into a larger canvas."""
    max_expand_ratio: float
    """Largest side of the canvas over that of the image."""
    def __init__(
        self,
        *,
        prob: float | None = ...,
        max_expand_ratio: float | None = ...,
    ) -> None: ...


class InterpParameter(Message):
    """The size that an Interp layer brings images to, given in one of three ways."""
    height: int
    """Height that comes out, together with width."""
    width: int
    """Width that comes out, together with height."""
    zoom_factor: int
    """Puts this many steps, less one, of new pixels between two old ones."""
    shrink_factor: int
    """Keeps about every so many-th pixel."""
    pad_beg: int
    """Zero, or the negative of how many rows and columns are cut off at the top and the left."""
    pad_end: int
    """Zero, or the negative of how many rows and columns are cut off at the bottom and the right."""
    def __init__(
        self,
        *,
        height: int | None = ...,
        width: int | None = ...,
        zoom_factor: int | None = ...,
        shrink_factor: int | None = ...,
        pad_beg: int | None = ...,
        pad_end: int | None = ...,
    ) -> None: ...


class LabelMap(Message):
    """The names of classes, as a text file of its own."""
    item: RepeatedCompositeFieldContainer[LabelMapItem]
    """The classes, one after the other."""
    def __init__(
        self,
        *,
        item: Iterable[LabelMapItem | Mapping[str, Any]] | None = ...,
    ) -> None: ...


class LabelMapItem(Message):
    """The name of one class."""
    name: str
    """Short name of the class, as annotations have it."""
    label: int
    """Number of the class, counted from 0."""
    display_name: str
    """Name of the class as people are shown it."""
    def __init__(
        self,
        *,
        name: str | None = ...,
        label: int | None = ...,
        display_name: str | None = ...,
    ) -> None: ...


class MultiBoxLossParameter(Message):
    """How a MultiBoxLoss layer matches prior boxes with what is there, and what it counts."""
    class LocLossType(int, metaclass=EnumTypeWrapper):
        """Losses of a box."""
        L2: ClassVar[MultiBoxLossParameter.LocLossType]
        """Half the square of each distance."""
        SMOOTH_L1: ClassVar[MultiBoxLossParameter.LocLossType]
        """Half the square of a small distance, the size of a large one."""
    L2: ClassVar[MultiBoxLossParameter.LocLossType]
    SMOOTH_L1: ClassVar[MultiBoxLossParameter.LocLossType]
    class ConfLossType(int, metaclass=EnumTypeWrapper):
        """Losses of a confidence."""
        SOFTMAX: ClassVar[MultiBoxLossParameter.ConfLossType]
        """The logarithm of the right class's softmax: one class excludes the others."""
        LOGISTIC: ClassVar[MultiBoxLossParameter.ConfLossType]
        """The logarithm of each class's sigmoid."""
    SOFTMAX: ClassVar[MultiBoxLossParameter.ConfLossType]
    LOGISTIC: ClassVar[MultiBoxLossParameter.ConfLossType]
    class MatchType(int, metaclass=EnumTypeWrapper):
        """Ways to match priors with things."""
        BIPARTITE: ClassVar[MultiBoxLossParameter.MatchType]
        """One prior for each thing: the one that overlaps most."""
        PER_PREDICTION: ClassVar[MultiBoxLossParameter.MatchType]
        """In addition every prior that overlaps a thing enough."""
    BIPARTITE: ClassVar[MultiBoxLossParameter.MatchType]
    PER_PREDICTION: ClassVar[MultiBoxLossParameter.MatchType]
    class MiningType(int, metaclass=EnumTypeWrapper):
        """Choices of the priors that count."""
        NONE: ClassVar[MultiBoxLossParameter.MiningType]
        """Every one of them."""
        MAX_NEGATIVE: ClassVar[MultiBoxLossParameter.MiningType]
        """Those with a thing, and of the others those that are mistaken most."""
        HARD_EXAMPLE: ClassVar[MultiBoxLossParameter.MiningType]
        """Those with the largest loss, with a thing or without."""
    NONE: ClassVar[MultiBoxLossParameter.MiningType]
    MAX_NEGATIVE: ClassVar[MultiBoxLossParameter.MiningType]
    HARD_EXAMPLE: ClassVar[MultiBoxLossParameter.MiningType]
    loc_loss_type: int
    """How the distance of a box from where it should be is counted."""
    conf_loss_type: int
    """How confidences are compared with classes."""
    loc_weight: float
    """Factor on the loss of the boxes, that of the confidences being 1."""
    num_classes: int
    """How many classes are predicted, the background counted in."""
    share_location: bool
    """Predicts one box for all classes (true) or one for each."""
    match_type: int
    """Which priors are matched with a thing beyond the best one of each."""
    overlap_threshold: float
    """Overlap (intersection over union) from which a prior is matched, for PER_PREDICTION."""
    use_prior_for_matching: bool
    """Matches the prior boxes (true) or the boxes predicted from them."""
    background_label_id: int
    """The class that stands for nothing being there."""
    use_difficult_gt: bool
    """Counts things that are marked as difficult too."""
    do_neg_mining: bool
    """Old switch between mining_type NONE (false) and any other (true), which it must agree with."""
    neg_pos_ratio: float
    """How many priors without a thing count for each one with a thing, for MAX_NEGATIVE."""
    neg_overlap: float
    """Overlap with every thing below which a prior can count as one without a thing, for MAX_NEGATIVE."""
    code_type: int
    """What the four predicted numbers mean, as seen from the prior box."""
    encode_variance_in_target: bool
    """Divides predictions and targets by the prior's variances in the loss, not the target alone."""
    map_object_to_agnostic: bool
    """Takes all classes but the background as one."""
    ignore_cross_boundary_bbox: bool
    """Leaves out boxes that reach beyond the image when things are matched."""
    bp_inside: bool
    """Counts only edges inside the image, for CORNER and CORNER_SIZE."""
    mining_type: int
    """Which priors count in the loss of the confidences."""
    nms_param: NonMaximumSuppressionParameter
    """How priors that overlap one of a larger loss are left out before they are chosen."""
    sample_size: int
    """How many priors of each image count, for HARD_EXAMPLE."""
    use_prior_for_nms: bool
    """Compares the prior boxes, not those predicted from them, in nms_param."""
    def __init__(
        self,
        *,
        loc_loss_type: int | str | None = ...,
        conf_loss_type: int | str | None = ...,
        loc_weight: float | None = ...,
        num_classes: int | None = ...,
        share_location: bool | None = ...,
        match_type: int | str | None = ...,
        overlap_threshold: float | None = ...,
        use_prior_for_matching: bool | None = ...,
        background_label_id: int | None = ...,
        use_difficult_gt: bool | None = ...,
        do_neg_mining: bool | None = ...,
        neg_pos_ratio: float | None = ...,
        neg_overlap: float | None = ...,
        code_type: int | str | None = ...,
        encode_variance_in_target: bool | None = ...,
        map_object_to_agnostic: bool | None = ...,
        ignore_cross_boundary_bbox: bool | None = ...,
        bp_inside: bool | None = ...,
        mining_type: int | str | None = ...,
        nms_param: NonMaximumSuppressionParameter | Mapping[str, Any] | None = ...,
        sample_size: int | None = ...,
        use_prior_for_nms: bool | None = ...,
    ) -> None: ...


class NoiseParameter(Message):
    """How images are disturbed."""
    prob: float
    """Chance that images are disturbed at all; they always are, as in the fork."""
    hist_eq: bool
    """Spreads the brightness over the whole range."""
    inverse: bool
    """Turns light into dark."""
    decolorize: bool
    """Takes the colour away."""
    gauss_blur: bool
    """Blurs with a bell curve of 7 by 7 pixels."""
    jpeg: float
    """Quality to which images are compressed as JPEG; -1 leaves them."""
    posterize: bool
    """Leaves few steps of brightness."""
    erode: bool
    """Widens what is dark by a pixel."""
    saltpepper: bool
    """Sets pixels to given values by chance."""
    saltpepper_param: SaltPepperParameter
    """How many pixels are set, and to which values."""
    clahe: bool
    """Spreads the brightness over the range within tiles of the image."""
    convert_to_hsv: bool
    """Brings images to hue, saturation and value."""
    convert_to_lab: bool
    """Brings images to the colour space Lab."""
    def __init__(
        self,
        *,
        prob: float | None = ...,
        hist_eq: bool | None = ...,
        inverse: bool | None = ...,
        decolorize: bool | None = ...,
        gauss_blur: bool | None = ...,
        jpeg: float | None = ...,
        posterize: bool | None = ...,
        erode: bool | None = ...,
        saltpepper: bool | None = ...,
        saltpepper_param: SaltPepperParameter | Mapping[str, Any] | None = ...,
        clahe: bool | None = ...,
        convert_to_hsv: bool | None = ...,
        convert_to_lab: bool | None = ...,
    ) -> None: ...


class NonMaximumSuppressionParameter(Message):
    """How boxes that overlap a better one are left out."""
    nms_threshold: float
    """Overlap (intersection over union) from which the box with less confidence is left out."""
    top_k: int
    """How many boxes of a class, those with most confidence, are looked at; -1, or unset, all."""
    eta: float
    """Below 1, lowers a threshold above one half by this factor with each box that is kept."""
    def __init__(
        self,
        *,
        nms_threshold: float | None = ...,
        top_k: int | None = ...,
        eta: float | None = ...,
    ) -> None: ...


class NormalizeParameter(Message):
    """Over what a Normalize layer takes the length, and what it multiplies with."""
    across_spatial: bool
    """Takes one length for each item (true), or one for each position over its channels."""
    scale_filler: FillerParameter
    """How the learned scale starts out; 1 if not given."""
    channel_shared: bool
    """Learns one scale for all channels (true), or one for each."""
    eps: float
    """Added to the sum of squares so that zeros do not divide by zero."""
    def __init__(
        self,
        *,
        across_spatial: bool | None = ...,
        scale_filler: FillerParameter | Mapping[str, Any] | None = ...,
        channel_shared: bool | None = ...,
        eps: float | None = ...,
    ) -> None: ...


class NormalizedBBox(Message):
    """A box, its edges as parts of the image's width and height."""
    xmin: float
    """Left edge, 0 being that of the image."""
    ymin: float
    """Upper edge, 0 being that of the image."""
    xmax: float
    """Right edge, 1 being that of the image."""
    ymax: float
    """Lower edge, 1 being that of the image."""
    label: int
    """The class of what is in the box."""
    difficult: bool
    """Marks what is hard to make out, which some measures leave out."""
    score: float
    """Confidence of a box that was predicted."""
    size: float
    """Area of the box as a part of the image's."""
    def __init__(
        self,
        *,
        xmin: float | None = ...,
        ymin: float | None = ...,
        xmax: float | None = ...,
        ymax: float | None = ...,
        label: int | None = ...,
        difficult: bool | None = ...,
        score: float | None = ...,
        size: float | None = ...,
    ) -> None: ...


class PermuteParameter(Message):
    """The new order of a blob's axes."""
    order: RepeatedScalarFieldContainer[int]
    """For each axis of the top the axis of the bottom it is; those not named follow in their old order."""
    def __init__(
        self,
        *,
        order: Iterable[int] | None = ...,
    ) -> None: ...


class PriorBoxParameter(Message):
    """The boxes that a PriorBox layer lays over each position."""
    class CodeType(int, metaclass=EnumTypeWrapper):
        """What four numbers say of a box, as seen from its prior."""
        CORNER: ClassVar[PriorBoxParameter.CodeType]
        """How far each side is moved."""
        CENTER_SIZE: ClassVar[PriorBoxParameter.CodeType]
        """How far the centre is moved, in sizes of the prior, and the logarithms of how much it grows."""
        CORNER_SIZE: ClassVar[PriorBoxParameter.CodeType]
        """How far each side is moved, in sizes of the prior."""
    CORNER: ClassVar[PriorBoxParameter.CodeType]
    CENTER_SIZE: ClassVar[PriorBoxParameter.CodeType]
    CORNER_SIZE: ClassVar[PriorBoxParameter.CodeType]
    min_size: RepeatedScalarFieldContainer[float]
    """Side of the square box; several give several sets of boxes."""
    max_size: RepeatedScalarFieldContainer[float]
    """One for each min_size: adds a square box of their geometric mean."""
    aspect_ratio: RepeatedScalarFieldContainer[float]
    """Width over height of further boxes; 1 is always there."""
    flip: bool
    """Adds to each aspect ratio its inverse."""
    clip: bool
    """Cuts boxes off at the image's edges."""
    variance: RepeatedScalarFieldContainer[float]
    """What predictions are multiplied with, one number for all four or one for each; 0.1 if not given."""
    img_size: int
    """Side of the image; unset, it is that of the second bottom."""
    img_h: int
    """Height of the image, together with img_w in place of img_size."""
    img_w: int
    """Width of the image, together with img_h in place of img_size."""
    step: float
    """Distance of two positions; unset, the image's size over the bottom's."""
    step_h: float
    """Vertical distance, together with step_w in place of step."""
    step_w: float
    """Horizontal distance, together with step_h in place of step."""
    offset: float
    """Where in its cell a box has its centre, as a part of the cell's size."""
    def __init__(
        self,
        *,
        min_size: Iterable[float] | None = ...,
        max_size: Iterable[float] | None = ...,
        aspect_ratio: Iterable[float] | None = ...,
        flip: bool | None = ...,
        clip: bool | None = ...,
        variance: Iterable[float] | None = ...,
        img_size: int | None = ...,
        img_h: int | None = ...,
        img_w: int | None = ...,
        step: float | None = ...,
        step_h: float | None = ...,
        step_w: float | None = ...,
        offset: float | None = ...,
    ) -> None: ...


class PSROIPoolingParameter(Message):
    """How a PSROIPooling layer averages regions."""
    spatial_scale: float
    """Size of the bottom as a part of the image's, whose pixels the regions are given in."""
    output_dim: int
    """How many channels come out."""
    group_size: int
    """How many parts each side of a region has, each with channels of its own."""
    def __init__(
        self,
        *,
        spatial_scale: float | None = ...,
        output_dim: int | None = ...,
        group_size: int | None = ...,
    ) -> None: ...


class ReorgParameter(Message):
    """How a Reorg layer moves pixels into channels."""
    stride: int
    """Side of the squares of pixels that become channels."""
    reverse: bool
    """Moves channels back into pixels."""
    def __init__(
        self,
        *,
        stride: int | None = ...,
        reverse: bool | None = ...,
    ) -> None: ...


class ResizeParameter(Message):
    """How images are resized."""
    class Resize_mode(int, metaclass=EnumTypeWrapper):
        """What gives way where the proportions differ."""
        WARP: ClassVar[ResizeParameter.Resize_mode]
        """The proportions."""
        FIT_SMALL_SIZE: ClassVar[ResizeParameter.Resize_mode]
        """The larger side, which is longer than asked for."""
        FIT_LARGE_SIZE_AND_PAD: ClassVar[ResizeParameter.Resize_mode]
        """Nothing: a rim fills what is left."""
    WARP: ClassVar[ResizeParameter.Resize_mode]
    FIT_SMALL_SIZE: ClassVar[ResizeParameter.Resize_mode]
    FIT_LARGE_SIZE_AND_PAD: ClassVar[ResizeParameter.Resize_mode]
    class Pad_mode(int, metaclass=EnumTypeWrapper):
        """Ways to fill a rim."""
        CONSTANT: ClassVar[ResizeParameter.Pad_mode]
        """One value everywhere."""
        MIRRORED: ClassVar[ResizeParameter.Pad_mode]
        """The image mirrored at its edge."""
        REPEAT_NEAREST: ClassVar[ResizeParameter.Pad_mode]
        """The pixels at the edge, repeated."""
    CONSTANT: ClassVar[ResizeParameter.Pad_mode]
    MIRRORED: ClassVar[ResizeParameter.Pad_mode]
    REPEAT_NEAREST: ClassVar[ResizeParameter.Pad_mode]
    class Interp_mode(int, metaclass=EnumTypeWrapper):
        """Ways to compute pixels, in OpenCV's words."""
        LINEAR: ClassVar[ResizeParameter.Interp_mode]
        """From the four nearest, by distance."""
        AREA: ClassVar[ResizeParameter.Interp_mode]
        """The mean of the area that becomes a pixel."""
        NEAREST: ClassVar[ResizeParameter.Interp_mode]
        """The nearest one."""
        CUBIC: ClassVar[ResizeParameter.Interp_mode]
        """A cubic curve through sixteen pixels."""
        LANCZOS4: ClassVar[ResizeParameter.Interp_mode]
        """Lanczos' kernel over sixty-four pixels."""
    LINEAR: ClassVar[ResizeParameter.Interp_mode]
    AREA: ClassVar[ResizeParameter.Interp_mode]
    NEAREST: ClassVar[ResizeParameter.Interp_mode]
    CUBIC: ClassVar[ResizeParameter.Interp_mode]
    LANCZOS4: ClassVar[ResizeParameter.Interp_mode]
    prob: float
    """Chance that images are resized at all; they always are, as in the fork."""
    resize_mode: int
    """What gives way where the proportions differ."""
    height: int
    """Height that comes out."""
    width: int
    """Width that comes out."""
    height_scale: int
    """Height to which boxes refer in FIT_SMALL_SIZE."""
    width_scale: int
    """Width to which boxes refer in FIT_SMALL_SIZE."""
    pad_mode: int
    """What the rim is filled with."""
    pad_value: RepeatedScalarFieldContainer[float]
    """The value of a constant rim, one for all channels or one for each."""
    interp_mode: RepeatedScalarFieldContainer[int]
    """How pixels are computed, one of them being drawn."""
    def __init__(
        self,
        *,
        prob: float | None = ...,
        resize_mode: int | str | None = ...,
        height: int | None = ...,
        width: int | None = ...,
        height_scale: int | None = ...,
        width_scale: int | None = ...,
        pad_mode: int | str | None = ...,
        pad_value: Iterable[float] | None = ...,
        interp_mode: Iterable[int | str] | None = ...,
    ) -> None: ...


class ROIPoolingParameter(Message):
    """How a ROIPooling layer looks at regions."""
    pooled_h: int
    """How many rows come out of each region."""
    pooled_w: int
    """How many columns come out of each region."""
    spatial_scale: float
    """Size of the bottom as a part of the image's, whose pixels the regions are given in."""
    def __init__(
        self,
        *,
        pooled_h: int | None = ...,
        pooled_w: int | None = ...,
        spatial_scale: float | None = ...,
    ) -> None: ...


class SaltPepperParameter(Message):
    """How pixels are set to given values by chance."""
    fraction: float
    """Share of the pixels that are set."""
    value: RepeatedScalarFieldContainer[float]
    """The values, one for all channels or one for each."""
    def __init__(
        self,
        *,
        fraction: float | None = ...,
        value: Iterable[float] | None = ...,
    ) -> None: ...


class SampleConstraint(Message):
    """How a part of an image must lie to the things in it; a part will do if one thing meets all that is given."""
    min_jaccard_overlap: float
    """Least intersection over union of part and thing."""
    max_jaccard_overlap: float
    """Largest intersection over union of part and thing."""
    min_sample_coverage: float
    """Least share of the part that the thing covers."""
    max_sample_coverage: float
    """Largest share of the part that the thing covers."""
    min_object_coverage: float
    """Least share of the thing that the part covers."""
    max_object_coverage: float
    """Largest share of the thing that the part covers."""
    def __init__(
        self,
        *,
        min_jaccard_overlap: float | None = ...,
        max_jaccard_overlap: float | None = ...,
        min_sample_coverage: float | None = ...,
        max_sample_coverage: float | None = ...,
        min_object_coverage: float | None = ...,
        max_object_coverage: float | None = ...,
    ) -> None: ...


class Sampler(Message):
    """Of which size and proportions a part of an image is drawn."""
    min_scale: float
    """Least square root of the part's share of the image."""
    max_scale: float
    """Largest square root of the part's share of the image."""
    min_aspect_ratio: float
    """Least width over height, both as parts of the image's."""
    max_aspect_ratio: float
    """Largest width over height, both as parts of the image's."""
    def __init__(
        self,
        *,
        min_scale: float | None = ...,
        max_scale: float | None = ...,
        min_aspect_ratio: float | None = ...,
        max_aspect_ratio: float | None = ...,
    ) -> None: ...


class SaveOutputParameter(Message):
    """Where detections would be written; without effect here."""
    output_directory: str
    """Folder for the files."""
    output_name_prefix: str
    """What file names begin with."""
    output_format: str
    """The form of the files: VOC, COCO or ILSVRC."""
    label_map_file: str
    """File that gives classes their names."""
    name_size_file: str
    """File with the name, height and width of each image, in their order."""
    num_test_image: int
    """How many images of that list are tested."""
    resize_param: ResizeParameter
    """How images were resized before."""
    def __init__(
        self,
        *,
        output_directory: str | None = ...,
        output_name_prefix: str | None = ...,
        output_format: str | None = ...,
        label_map_file: str | None = ...,
        name_size_file: str | None = ...,
        num_test_image: int | None = ...,
        resize_param: ResizeParameter | Mapping[str, Any] | None = ...,
    ) -> None: ...


class ShuffleChannelParameter(Message):
    """Into how many groups a ShuffleChannel layer parts the channels."""
    group: int
    """Number of groups that are shuffled into each other; must divide the channels."""
    def __init__(
        self,
        *,
        group: int | None = ...,
    ) -> None: ...


class SmoothL1LossParameter(Message):
    """Where a SmoothL1Loss layer turns from a parabola into a line."""
    sigma: float
    """The loss is a parabola up to a difference of one over the square of this, and then a line."""
    def __init__(
        self,
        *,
        sigma: float | None = ...,
    ) -> None: ...


class UpsampleParameter(Message):
    """How much larger an Upsample layer makes an image."""
    scale: int
    """Factor for both sides."""
    scale_h: int
    """Factor for the height, together with scale_w in place of scale."""
    scale_w: int
    """Factor for the width, together with scale_h in place of scale."""
    pad_out_h: bool
    """Makes the top one row lower, for a mask from a bottom of odd height."""
    pad_out_w: bool
    """Makes the top one column narrower, for a mask from a bottom of odd width."""
    upsample_h: int
    """Height that comes out, together with upsample_w in place of a factor."""
    upsample_w: int
    """Width that comes out, together with upsample_h in place of a factor."""
    def __init__(
        self,
        *,
        scale: int | None = ...,
        scale_h: int | None = ...,
        scale_w: int | None = ...,
        pad_out_h: bool | None = ...,
        pad_out_w: bool | None = ...,
        upsample_h: int | None = ...,
        upsample_w: int | None = ...,
    ) -> None: ...


class VideoDataParameter(Message):
    """Where a VideoData layer takes its images from."""
    class VideoType(int, metaclass=EnumTypeWrapper):
        """Kinds of source."""
        WEBCAM: ClassVar[VideoDataParameter.VideoType]
        """A camera of this machine."""
        VIDEO: ClassVar[VideoDataParameter.VideoType]
        """A file with a video."""
    WEBCAM: ClassVar[VideoDataParameter.VideoType]
    VIDEO: ClassVar[VideoDataParameter.VideoType]
    video_type: int
    """Kind of the source."""
    device_id: int
    """Which camera to use, counted from 0."""
    video_file: str
    """File with the video, for VIDEO."""
    skip_frames: int
    """How many images are left out before each one that is taken."""
    def __init__(
        self,
        *,
        video_type: int | str | None = ...,
        device_id: int | None = ...,
        video_file: str | None = ...,
        skip_frames: int | None = ...,
    ) -> None: ...
