"""Tokens per second of layouts: FLOP at the efficiency of their sizes, bytes of memory, exchange, pipeline bubble.

The order of effects is that of training_formulas.md, section 8. Symbols as in `layouts`; a step is m micro batches.
"""

import numpy as np

from advisor.estimate.calibration import Calibration
from advisor.estimate.collectives import Fabric, fabric_of
from advisor.estimate.flop import model_flop_per_token
from advisor.estimate.hardware import Hardware
from advisor.estimate.layer_time import head_seconds, layer_seconds
from advisor.estimate.layouts import Floats, Layouts
from advisor.estimate.memory import rank_parameters, state_bytes
from advisor.estimate.rates import Rates, rates_of
from advisor.estimate.work import Work


def tokens_per_second(work: Work, layouts: Layouts, hardware: Hardware, constants: Calibration) -> Floats:
    """Tokens of a step over its seconds, of the whole job."""
    tokens = layouts.batch_sequences() * work.sequence_length
    speed: Floats = tokens / step_seconds(work, layouts, hardware, constants)
    return speed


def model_flop_utilization(work: Work, layouts: Layouts, hardware: Hardware, speed: Floats) -> Floats:
    """Model FLOP per second over the dense peak of the job's precision."""
    peak = hardware.flop_per_second(work.precision)
    if peak is None:
        raise ValueError(f"{hardware.gpu.id} has no {work.precision}")
    share: Floats = speed * model_flop_per_token(work) / (layouts.nodes * hardware.gpus_per_node * peak)
    return share


def step_seconds(work: Work, layouts: Layouts, hardware: Hardware, constants: Calibration) -> Floats:
    """Seconds of a step: (m + (p - 1) / v) of the slowest stage, what data parallelism exposes, the optimizer.

    Bubble: Narayanan et al., arXiv:2104.04473, section 2.2.
    """
    rates, fabric = rates_of(work, hardware, constants), fabric_of(hardware, constants)
    layer = layer_seconds(work, layouts, rates, fabric, constants)
    head = head_seconds(work, layouts, rates)
    layers = layouts.stage_layers(work.shape.layers)
    # The head shares the last stage with its layers; a balanced split hides the part that is less than a layer.
    balanced = (work.shape.layers * layer + head) / layouts.pp
    stage = np.maximum(balanced, layers * layer) + _between_stages(work, layouts, fabric, constants)
    stage = stage + _weights_each_micro_batch(work, layouts, stage, fabric, constants)
    filled = layouts.micro_batches + (layouts.pp - 1) / layouts.virtual
    step: Floats = filled * stage + _data_seconds(work, layouts, stage, fabric, constants)
    step = step + _compression_seconds(work, layouts, rates)
    return step + _optimizer_seconds(work, layouts, rates) + constants.by_stack("step_seconds", work.stack)


def _between_stages(work: Work, layouts: Layouts, fabric: Fabric, constants: Calibration) -> Floats:
    """What is exposed of two sends of 2 T h / t bytes a micro batch and virtual stage (Narayanan, section 4.1)."""
    tokens = layouts.micro_batch * work.sequence_length / layouts.cp
    size = work.element_bytes * work.shape.hidden_size * tokens / layouts.tp
    distance = layouts.tp * layouts.cp * layouts.dp
    sends: Floats = np.where(layouts.pp > 1, 2 * layouts.virtual * fabric.send_seconds(size, distance), 0.0)
    return constants.pipeline_exposed * sends


def _gradient_seconds(work: Work, layouts: Layouts, fabric: Fabric) -> Floats:
    """One scatter of gradients over the replicas (all-reduces are two of it)."""
    parameters, width = rank_parameters(work, layouts, "first"), work.reduce_bytes
    if work.is_adapter:
        return _replica_seconds(width * parameters.adapters, np.zeros(len(layouts)), layouts, fabric)
    return _replica_seconds(width * parameters.dense, width * parameters.experts, layouts, fabric)


def _weight_seconds(work: Work, layouts: Layouts, fabric: Fabric) -> Floats:
    """One gather of weights, frozen ones at their own width."""
    parameters = rank_parameters(work, layouts, "first")
    width = work.states.frozen if work.is_adapter else work.element_bytes
    return _replica_seconds(width * parameters.dense, width * parameters.experts, layouts, fabric)


def _replica_seconds(dense: Floats, experts: Floats, layouts: Layouts, fabric: Fabric) -> Floats:
    """Gather or scatter over D c replicas, and of experts over D c / e that lie t e GPUs apart."""
    replicas = layouts.dp * layouts.cp
    of_experts = np.maximum(1, replicas // layouts.ep)
    every = fabric.gather_seconds(dense, replicas, layouts.tp)
    return every + fabric.gather_seconds(experts, of_experts, layouts.tp * layouts.ep)


def _weights_each_micro_batch(
    work: Work, layouts: Layouts, stage: Floats, fabric: Fabric, constants: Calibration
) -> Floats:
    """ZeRO 3 gathers weights for both passes and scatters gradients every micro batch; ZeRO 2 scatters them.

    Exposed: a fixed share, and what is longer than the computation behind it (ZeRO, section 7).
    """
    gather = 2 * _weight_seconds(work, layouts, fabric)
    scatter = work.gradient_share * _gradient_seconds(work, layouts, fabric)
    busy = np.where(layouts.zero_stage == 3, gather, 0.0) + np.where(layouts.zero_stage >= 2, scatter, 0.0)
    exposed: Floats = np.maximum(constants.data_exposed * busy, busy - constants.data_hidden * stage)
    return exposed


def _data_seconds(work: Work, layouts: Layouts, stage: Floats, fabric: Fabric, constants: Calibration) -> Floats:
    """Gradients reduced and weights returned once a step (ZeRO 0 to 2), behind the last backward and first forward."""
    share = work.gradient_share
    # ZeRO 0 returns summed gradients, at their width; 1 and 2 return weights, which nothing compresses.
    times = np.select([layouts.zero_stage == 3, layouts.zero_stage == 2, layouts.zero_stage == 1], [0, 1, 1 + share])
    times = np.where(layouts.zero_stage == 0, 2 * share, times)
    busy = times * _gradient_seconds(work, layouts, fabric)
    exposed: Floats = np.maximum(constants.data_exposed * busy, busy - constants.data_hidden * stage)
    return exposed


def _compression_seconds(work: Work, layouts: Layouts, rates: Rates) -> Floats:
    """Two passes over the gradients of an exchange: read whole and written short, then read short and written whole."""
    if work.gradient_share == 1:
        return np.zeros(len(layouts))
    parameters = rank_parameters(work, layouts, "first")
    trained = parameters.adapters if work.is_adapter else parameters.dense + parameters.experts
    exchanges = np.where(layouts.zero_stage >= 2, layouts.micro_batches, 1) * (layouts.dp * layouts.cp > 1)
    width = work.states.gradient + work.gradient_share * work.reduce_bytes
    seconds: Floats = 2 * exchanges * width * trained / rates.memory
    return seconds


def _optimizer_seconds(work: Work, layouts: Layouts, rates: Rates) -> Floats:
    """Reads and writes every state once: twice its bytes over the memory's bandwidth."""
    weights, gradients, optimizer = state_bytes(work, layouts, rank_parameters(work, layouts, "first"))
    if work.is_adapter:
        weights = np.zeros_like(weights)
    seconds: Floats = 2 * (weights + gradients + optimizer) / rates.memory
    return seconds
