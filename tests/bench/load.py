#!/usr/bin/env python3
"""load.py - small closed-loop HTTP/1.1 load generator for upstream and Welkin.

  load.py SCENARIO.json [--base URL] [--pids 1,2] [--pidfile F ...] [--var k=v ...]
          [--only STEP ...] [--out results.jsonl] [--label TEXT]

Needs only Python >= 3.9 and psutil. One asyncio thread, raw Protocol, keep-alive
(reconnects when the server closes). Children of the given PIDs are followed.
Exits 1 at the first response that is not what the scenario said (status, json, size).

Scenario: {"base": URL, "vars": {..}, "headers": {..}, "setup": [REQ..], "steps": [STEP..]}
 REQ : method, path | url, headers, json | body | body_bytes (N pseudo-random bytes),
       expect [statuses] (default [200]), capture {var: "json:a.0.b" | "header:Name" | "status"},
       check {"json": {"a.b": value | "*"}, "len": {"users": 100}, "len_min": {...},
              "bytes": N, "bytes_min": N, "contains": "text"},
       until {"json": {"server.status": "ACTIVE"}, "fail": {"server.status": "ERROR"},
              "status": [404], "every": 0.1, "timeout": 60}      (polls the same request)
 STEP: name, count, concurrency (1), warmup (0), settle (0.3 s before reading CPU),
       and one REQ inline or "flow": [REQ..] (one iteration = the whole flow),
       repeat: "N" - run the step N times and report the median CPU figure too.
       reset (false): new connection for each iteration.
 Templates in strings: ${var} ${i} (0..count-1, warm-up has its own numbers: -1, -2..),
       ${uuid} ${env:NAME} ${i:012d} (formatted). A JSON string that is exactly "${int:i}" becomes a number.
Result per step: requests, req/s, p50/p90/p99 ms, server CPU ms per iteration (user+sys,
all processes incl. reaped children), MB/s, CPU s per GiB, client CPU share, RSS/PSS MiB.
"""

import argparse, asyncio, json, os, random, re, statistics, sys, time, uuid
from urllib.parse import urlsplit

try:
    import psutil
except ImportError:
    sys.exit("load.py needs psutil")


class Bad(Exception):
    pass


class Conn(asyncio.Protocol):
    """One HTTP/1.1 client connection, one request at a time."""

    def __init__(self):
        self.fut = None
        self.closed = True
        self.tr = None

    def connection_made(self, tr):
        self.tr, self.closed = tr, False
        tr.set_write_buffer_limits(high=1 << 20)
        self._w = asyncio.Event()
        self._w.set()

    def pause_writing(self):
        self._w.clear()

    def resume_writing(self):
        self._w.set()

    def connection_lost(self, exc):
        self.closed = True
        self._w.set()
        if self.fut and not self.fut.done():
            if self.state == "body" and self.left is None and not self.chunked:
                self._finish()
            else:
                self.fut.set_exception(ConnectionError(f"closed by server in {self.state}: {exc}"))

    def begin(self, head_only, keep):
        self.buf = bytearray()
        self.state, self.left, self.chunked = "head", None, False
        self.keepbody, self.parts, self.size = keep, [], 0
        self.status, self.hdrs, self.head_only = 0, {}, head_only
        self.will_close, self.got100 = False, False
        self.fut = asyncio.get_running_loop().create_future()
        return self.fut

    def _finish(self):
        self.state = "idle"
        if not self.fut.done():
            self.fut.set_result(None)

    def _body(self, data):
        self.size += len(data)
        if self.keepbody:
            self.parts.append(bytes(data))

    def data_received(self, data):
        if self.state == "body" and not self.chunked and not self.buf:  # fast path
            if self.left is None:
                self._body(data)
                return
            self._body(data)
            self.left -= len(data)
            if self.left <= 0:
                self._finish()
            return
        if self.state == "idle":
            return
        self.buf += data
        while True:
            if self.state == "head":
                e = self.buf.find(b"\r\n\r\n")
                if e < 0:
                    return
                lines = bytes(self.buf[:e]).decode("latin1").split("\r\n")
                del self.buf[: e + 4]
                self.status = int(lines[0].split(" ", 2)[1])
                if self.status == 100:
                    continue
                h = {}
                for ln in lines[1:]:
                    k, _, v = ln.partition(":")
                    h[k.strip().lower()] = v.strip()
                self.hdrs = h
                self.will_close = h.get("connection", "").lower() == "close" or (
                    lines[0].startswith("HTTP/1.0") and h.get("connection", "").lower() != "keep-alive"
                )
                if self.head_only or self.status in (204, 304):
                    return self._finish()
                self.chunked = h.get("transfer-encoding", "").lower() == "chunked"
                cl = h.get("content-length")
                self.left = int(cl) if cl is not None and not self.chunked else None
                self.state = "body"
                if self.chunked:
                    self.left = -1
                elif self.left == 0:
                    return self._finish()
            elif not self.chunked:
                d, self.buf = self.buf, bytearray()
                if not d:
                    return
                self._body(d)
                if self.left is not None:
                    self.left -= len(d)
                    if self.left <= 0:
                        self._finish()
                return
            else:
                if self.left == -1:
                    e = self.buf.find(b"\r\n")
                    if e < 0:
                        return
                    self.left = int(bytes(self.buf[:e]).split(b";")[0], 16)
                    del self.buf[: e + 2]
                    if self.left == 0:
                        self.left = -2
                if self.left == -2:
                    e = self.buf.find(b"\r\n")
                    if e < 0:
                        return
                    return self._finish()
                if len(self.buf) < self.left + 2:
                    return
                self._body(self.buf[: self.left])
                del self.buf[: self.left + 2]
                self.left = -1


class Client:
    def __init__(self, timeout):
        self.conns, self.timeout = {}, timeout

    async def request(self, method, url, headers, body, keep):
        u = urlsplit(url)
        key = (u.hostname, u.port or 80)
        target = u.path + ("?" + u.query if u.query else "")
        lines = [f"{method} {target} HTTP/1.1", f"Host: {u.netloc}"]
        lines += [f"{k}: {v}" for k, v in headers.items()]
        if body is not None or method in ("POST", "PUT", "PATCH"):
            lines.append(f"Content-Length: {len(body or b'')}")
        head = ("\r\n".join(lines) + "\r\n\r\n").encode("latin1")
        for attempt in (0, 1):
            c = self.conns.get(key)
            fresh = c is None or c.closed
            if fresh:
                _, c = await asyncio.get_running_loop().create_connection(Conn, *key)
                self.conns[key] = c
            fut = c.begin(method == "HEAD", keep)
            try:
                if body is None or len(body) <= 65536:
                    c.tr.write(head + (body or b""))
                else:
                    c.tr.write(head)
                    mv = memoryview(body)
                    for o in range(0, len(mv), 262144):
                        if fut.done():
                            break
                        c.tr.write(mv[o : o + 262144])
                        await c._w.wait()
                await asyncio.wait_for(fut, self.timeout)
            except ConnectionError:
                if fresh or attempt or c.size or c.status:
                    raise
                continue  # stale keep-alive connection: retry once
            if c.will_close:
                c.tr.close()
                c.closed = True
            return c

    def close(self):
        for c in self.conns.values():
            if c.tr:
                c.tr.close()
        self.conns = {}


TPL = re.compile(r"\$\{([^}]+)\}")


def sub(x, v):
    if isinstance(x, str):
        if x.startswith("${int:") and x.endswith("}"):
            return int(v[x[6:-1]])

        def r(m):
            k = m.group(1)
            if k == "uuid":
                return str(uuid.uuid4())
            if k.startswith("env:"):
                return os.environ[k[4:]]
            if k.startswith("i:"):
                return format(v["i"], k[2:])
            if k not in v:
                raise Bad(f"template variable {k!r} is not set")
            return str(v[k])

        return TPL.sub(r, x) if "${" in x else x
    if isinstance(x, dict):
        return {sub(k, v): sub(w, v) for k, w in x.items()}
    if isinstance(x, list):
        return [sub(w, v) for w in x]
    return x


def dig(doc, path):
    for p in path.split("."):
        doc = doc[int(p)] if isinstance(doc, list) else doc[p]
    return doc


BLOBS = {}


def blob(n):
    if n not in BLOBS:
        BLOBS[n] = random.Random(n).randbytes(n)
    return BLOBS[n]


def jmatch(doc, want):
    for p, w in want.items():
        try:
            got = dig(doc, p)
        except (KeyError, IndexError, TypeError):
            return f"json {p} is missing"
        if w != "*" and got != w:
            return f"json {p} is {got!r}, not {w!r}"
    return None


class Runner:
    def __init__(self, sc, base, vars_):
        self.sc, self.base, self.vars = sc, base, vars_
        self.hdr = sc.get("headers", {})

    async def req(self, cl, r, v, acct):
        method = r.get("method", "GET")
        url = sub(r["url"], v) if "url" in r else sub(self.base, v) + sub(r["path"], v)
        h = {**sub(self.hdr, v), **sub(r.get("headers", {}), v)}
        h = {k: w for k, w in h.items() if w is not None}
        body = None
        if "json" in r:
            body = json.dumps(sub(r["json"], v)).encode()
            h.setdefault("Content-Type", "application/json")
        elif "body_bytes" in r:
            body = blob(r["body_bytes"])
            h.setdefault("Content-Type", "application/octet-stream")
        elif "body" in r:
            body = sub(r["body"], v).encode()
        ck, un, cap = r.get("check", {}), r.get("until"), r.get("capture", {})
        want = r.get("expect", [200])
        end = time.monotonic() + (un or {}).get("timeout", 60)
        while True:
            small = "bytes" not in ck and "bytes_min" not in ck or "json" in ck
            c = await cl.request(method, url, h, body, small)
            acct["n"] += 1
            acct["rx"] += c.size
            acct["tx"] += len(body or b"")
            raw = b"".join(c.parts)
            if un and c.status in un.get("status", []):
                return
            if c.status not in want:
                raise Bad(f"{method} {url}: status {c.status}, expected {want}; body: {raw[:400]!r}")
            doc = None
            if (
                "json" in ck
                or "len" in ck
                or "len_min" in ck
                or (un and "json" in un)
                or any(s.startswith("json:") for s in cap.values())
            ):
                try:
                    doc = json.loads(raw)
                except ValueError:
                    raise Bad(f"{method} {url}: body is not JSON: {raw[:200]!r}")
            if un:
                if "fail" in un and jmatch(doc, un["fail"]) is None:
                    raise Bad(f"{method} {url}: reached fail state {un['fail']}: {raw[:400]!r}")
                if "json" not in un or jmatch(doc, un["json"]) is not None:
                    if time.monotonic() > end:
                        raise Bad(f"{method} {url}: not {un} in time; last: {raw[:300]!r}")
                    await asyncio.sleep(un.get("every", 0.1))
                    continue
            err = jmatch(doc, sub(ck["json"], v)) if "json" in ck else None
            for p, n in ck.get("len", {}).items():
                if len(dig(doc, p)) != n:
                    err = f"len({p}) is {len(dig(doc, p))}, not {n}"
            for p, n in ck.get("len_min", {}).items():
                if len(dig(doc, p)) < n:
                    err = f"len({p}) is {len(dig(doc, p))} < {n}"
            if "bytes" in ck and c.size != ck["bytes"]:
                err = f"body is {c.size} bytes, not {ck['bytes']}"
            if "bytes_min" in ck and c.size < ck["bytes_min"]:
                err = f"body is {c.size} bytes < {ck['bytes_min']}"
            if "contains" in ck and sub(ck["contains"], v).encode() not in raw:
                err = f"body lacks {ck['contains']!r}"
            if err:
                raise Bad(f"{method} {url}: {err}; body: {raw[:300]!r}")
            for name, src in cap.items():
                kind, _, arg = src.partition(":")
                if kind == "json":
                    v[name] = dig(doc, arg)
                elif kind == "header":
                    if arg.lower() not in c.hdrs:
                        raise Bad(f"{method} {url}: no header {arg}")
                    v[name] = c.hdrs[arg.lower()]
                else:
                    v[name] = c.status
            return

    async def step(self, st, idx):
        flow = st.get("flow") or [st]
        lat, acct = [], {"n": 0, "rx": 0, "tx": 0}
        it = iter(idx)

        async def worker():
            cl = Client(st.get("timeout", 120))
            try:
                for i in it:
                    v = dict(self.vars, i=i)
                    t = time.perf_counter()
                    for r in flow:
                        await self.req(cl, r, v, acct)
                    lat.append(time.perf_counter() - t)
                    if st.get("reset"):
                        cl.close()
            finally:
                cl.close()

        t0 = time.perf_counter()
        tasks = [asyncio.ensure_future(worker()) for _ in range(min(st.get("concurrency", 1), len(idx)))]
        try:
            await asyncio.gather(*tasks)
        except BaseException:
            for t in tasks:
                t.cancel()
            raise
        return lat, acct, time.perf_counter() - t0


class Procs:
    def __init__(self, pids, names):
        self.roots, self.names = [], names
        for p in pids:
            try:
                self.roots.append(psutil.Process(p))
            except psutil.NoSuchProcess:
                raise Bad(f"server pid {p} does not exist")

    def all(self):
        seen = {}
        for r in self.roots:
            if not r.is_running():
                raise Bad(f"server pid {r.pid} died during the run")
            for p in [r] + r.children(recursive=True):
                seen[p.pid] = p
        return list(seen.values())

    def cpu(self):
        """CPU seconds so far for each root (its whole tree, reaped children included)."""
        out = []
        for r in self.roots:
            t = 0.0
            for p in [r] + r.children(recursive=True):
                try:
                    c = p.cpu_times()
                    t += c.user + c.system + c.children_user + c.children_system
                except psutil.NoSuchProcess:
                    pass
            out.append(t)
        return out

    def mem(self):
        rss = pss = n = 0
        for p in self.all():
            try:
                m = p.memory_info()
                rss += m.rss
                n += 1
                with open(f"/proc/{p.pid}/smaps_rollup") as f:
                    for ln in f:
                        if ln.startswith("Pss:"):
                            pss += int(ln.split()[1]) * 1024
            except (psutil.NoSuchProcess, OSError):
                pass
        return n, rss / 2**20, pss / 2**20


def q(xs, p):
    xs = sorted(xs)
    return xs[min(len(xs) - 1, int(p * len(xs)))] * 1000


async def main():
    ap = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ap.add_argument("scenario")
    ap.add_argument("--base")
    ap.add_argument("--pids", default="")
    ap.add_argument("--pidfile", action="append", default=[])
    ap.add_argument("--var", action="append", default=[])
    ap.add_argument("--only", action="append", default=[])
    ap.add_argument("--out")
    ap.add_argument("--label", default="")
    a = ap.parse_args()
    sc = json.load(open(a.scenario))
    v = sub(dict(sc.get("vars", {})), {})
    v.update(x.split("=", 1) for x in a.var)
    run = Runner(sc, a.base or sc.get("base", ""), v)
    pids = [int(x) for x in a.pids.split(",") if x]
    names = [str(x) for x in pids]
    for f in a.pidfile:
        pids.append(int(open(f).read().split()[0]))
        names.append(os.path.basename(f).rsplit(".", 1)[0])
    pr = Procs(pids, names)
    me = psutil.Process()
    cl = Client(120)
    for r in sc.get("setup", []):
        for i in range(r.get("count", 1)):
            v["i"] = i
            await run.req(cl, r, v, {"n": 0, "rx": 0, "tx": 0})
    cl.close()
    print(
        f"{'step':34} {'n':>6} {'c':>3} {'req/s':>8} {'p50ms':>8} {'p90ms':>8} {'p99ms':>8} {'cpu_ms':>8} "
        f"{'MB/s':>7} {'cpu_s/GiB':>9} {'cli%':>5} {'nproc':>5} {'RSS':>6} {'PSS':>6}"
    )
    for st in sc["steps"]:
        if a.only and st["name"] not in a.only:
            continue
        if st.get("warmup"):
            await run.step(dict(st), range(-1, -1 - st["warmup"], -1))
        runs = []
        per = st["count"]
        for k in range(int(st.get("repeat", 1))):
            await asyncio.sleep(st.get("settle", 0.3))
            c0, m0 = pr.cpu(), sum(me.cpu_times()[:2])
            lat, acct, wall = await run.step(st, range(k * per, (k + 1) * per))
            m1 = sum(me.cpu_times()[:2])
            await asyncio.sleep(st.get("settle", 0.3))
            d = [y - x for x, y in zip(c0, pr.cpu())]
            runs.append((lat, acct, wall, sum(d), m1 - m0, d))
        lat = [x for r in runs for x in r[0]]
        n, wall = len(lat), sum(r[2] for r in runs)
        cpu = sum(r[3] for r in runs)
        by = sum(r[1]["rx"] + r[1]["tx"] for r in runs)
        np_, rss, pss = pr.mem()
        byp = {nm: round(1000 * sum(r[5][k] for r in runs) / n, 3) for k, nm in enumerate(pr.names)}
        res = {
            "label": a.label,
            "step": st["name"],
            "n": n,
            "concurrency": st.get("concurrency", 1),
            "http_requests": sum(r[1]["n"] for r in runs),
            "rps": n / wall,
            "p50_ms": q(lat, 0.5),
            "p90_ms": q(lat, 0.9),
            "p99_ms": q(lat, 0.99),
            "cpu_ms": 1000 * cpu / n,
            "cpu_ms_median_of_repeats": statistics.median(1000 * r[3] / len(r[0]) for r in runs),
            "mb_s": by / wall / 1e6,
            "cpu_s_per_gib": cpu / (by / 2**30) if by else None,
            "client_cpu_share": sum(r[4] for r in runs) / wall,
            "cpu_ms_by": byp,
            "nproc": np_,
            "rss_mib": rss,
            "pss_mib": pss,
        }
        print(
            f"{st['name'][:34]:34} {n:6d} {res['concurrency']:3d} {res['rps']:8.1f} {res['p50_ms']:8.2f} {res['p90_ms']:8.2f} "
            f"{res['p99_ms']:8.2f} {res['cpu_ms']:8.3f} {res['mb_s']:7.1f} {(res['cpu_s_per_gib'] or 0):9.2f} "
            f"{100 * res['client_cpu_share']:5.0f} {np_:5d} {rss:6.0f} {pss:6.0f}"
            + ("  " + " ".join(f"{k}={x}" for k, x in byp.items()) if len(byp) > 1 else ""),
            flush=True,
        )
        if a.out:
            with open(a.out, "a") as f:
                f.write(json.dumps(res) + "\n")


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except (Bad, ConnectionError, asyncio.TimeoutError) as e:
        sys.exit(f"FAIL {type(e).__name__}: {e}")
