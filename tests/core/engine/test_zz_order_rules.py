from tests.core.engine.test_runner import *
@pytest.mark.parametrize("n", range(14))
async def test_order(n, dummy, runner):
    import time
    t0=time.monotonic()
    seen=[]
    orig=type(dummy.source).report
    async def report(self, place, commit, status):
        seen.append((round(time.monotonic()-t0,3), status.state, status.title)); await orig(self, place, commit, status)
    import types
    dummy.source.report=types.MethodType(report, dummy.source)
    await ask(declare)
    dummy.source.push("acme/shop", "refs/heads/topic", ONE)
    await ask(look)
    await until(lambda: dummy.source.reports and dummy.source.reports[-1][2].state == "success")
    last=dummy.source.reports[-1][2]
    rows=await ask(lambda: list(Message.objects.values_list("key","version","sent_version","failures")))
    jobs_=await ask(lambda: list(Job.objects.values_list("kind","state","attempts")))
    print(seen, rows, jobs_)
    assert last.title=="It can be deployed", (seen, rows, jobs_)
