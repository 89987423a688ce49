"""Jobs of a schedule taken out together and planned again in another order."""

from solver.large.assemble import Assembler, Guidance, Schedule


def related(plans: Assembler, schedule: Schedule, count: int) -> list[str]:
    """Return up to `count` jobs that compete: of one chain, or using the same pools at the same time."""
    jobs = [o.job.id for o in plans.grid.jobs]
    missing = [job for job in jobs if job not in schedule.plans]
    seed = plans.random.choice(missing or jobs)
    found = [seed]
    chain = sorted(plans.chain(seed) - {seed})
    pools = {s.pool for s in schedule.plans.get(seed, ())}
    if missing:
        options = plans.grid.jobs[plans.index[seed]]
        pools = {plans.stated.pools[p].id for p in options.pool}
    rivals = [
        job
        for job in jobs
        if job not in found and job not in chain and any(s.pool in pools for s in schedule.plans.get(job, ()))
    ]
    plans.random.shuffle(rivals)
    plans.random.shuffle(chain)
    others = [job for job in jobs if job not in {seed, *chain, *rivals}]
    plans.random.shuffle(others)
    queue = (chain + rivals) if plans.random.random() < 0.5 else (rivals + chain)
    return (found + (queue + others)[: count - 1]) if count > 1 else found


def again(plans: Assembler, schedule: Schedule, guidance: Guidance, count: int, noise: float) -> Schedule:
    """Take related jobs out and plan them again in some order; the result may lack jobs."""
    trial = schedule.copy()
    outside = {o.job.id for o in plans.grid.jobs if o.job.id not in trial.plans}
    chosen = related(plans, schedule, count)
    for job in chosen:
        if job in trial.plans:
            plans.put(trial, job, trial.plans[job], -1)
    missing = [o.job.id for o in plans.grid.jobs if o.job.id not in trial.plans]
    strength = plans.random.choice([0.0, 0.0, 0.5, 1.0])
    plans.caution = plans.random.choice([0.0, 0.1, 0.3, 1.0])
    order = plans.order(missing, shuffled=True)
    if outside and plans.random.random() < 0.7:
        ahead = {name for job in outside for name in plans.chain(job)}
        order = [job for job in order if job in ahead] + [job for job in order if job not in ahead]
    for job in order:
        is_fine = plans.random.random() < 0.3
        plans.insert(trial, job, guidance, strength, 0.0 if is_fine else noise, 500 if is_fine else 200)
    return trial
