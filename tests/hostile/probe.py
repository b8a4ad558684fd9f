"""exploration: what does each case do via trial fork and CLI"""
import sys, os, json, time, re, signal, resource, tempfile, shutil, traceback
from pathlib import Path
sys.path[:0] = [os.path.dirname(__file__), os.path.dirname(os.path.dirname(__file__))]
import hostile_graphs as g
from gantool.cli.app import start
import onnx, onnxruntime, numpy
from gantool.runtime import session, trial, freeze
which = sys.argv[1:]
root = Path(tempfile.mkdtemp(prefix="hostile"))
os.environ["XDG_CACHE_HOME"] = str(root/"cache"); os.environ["XDG_DATA_HOME"]=str(root/"data")
import models
from PIL import Image
Image.fromarray(numpy.random.default_rng(0).integers(0,255,(40,50,3),numpy.uint8)).save(root/"p.png")
tables = {"no": g.NO_MODELS, "graph": g.GRAPHS, "contract": g.CONTRACTS}
def child(args, log):
    pid = os.fork()
    if not pid:
        resource.setrlimit(resource.RLIMIT_AS, (4*2**30,)*2)
        fd = os.open(log, os.O_WRONLY|os.O_CREAT|os.O_TRUNC)
        os.dup2(os.open(os.devnull, 0), 0); os.dup2(fd,1); os.dup2(fd,2)
        try: code = start(args)
        except BaseException: traceback.print_exc(); code = 99
        sys.stdout.flush(); sys.stderr.flush()
        os._exit(code)
    end = time.time()+25
    while time.time() < end:
        p, st, ru = os.wait4(pid, os.WNOHANG)
        if p: return os.waitstatus_to_exitcode(st), ru
        time.sleep(.01)
    os.kill(pid, 9); p, st, ru = os.wait4(pid, 0)
    return "HANG", ru
for t, table in tables.items():
    for name, (build, said) in table.items():
        if which and not any(w in f"{t}:{name}" for w in which): continue
        d = root/"d"; shutil.rmtree(d, ignore_errors=True); d.mkdir()
        try: build(d/"x.onnx")
        except Exception as e: print("BUILD", name, repr(e)); continue
        t0=time.time()
        log = str(root/"log")
        code, ru = child(["run", str(d/"x.onnx"), str(root/"p.png"), "-o", str(d/"out.png"), "--device", "cpu"], log)
        out = open(log, errors="replace").read()
        ok = code == 4 and out.count("\n")==1 and re.search(said, out) and time.time()-t0 < 20 and ru.ru_maxrss < 4e6
        print("ok  " if ok else "BAD ", f"{t}:{name}: code {code} {time.time()-t0:.1f}s cpu {ru.ru_utime+ru.ru_stime:.1f} {ru.ru_maxrss/1e3:.0f}MB", "" if ok else "["+said+"]", out.replace(str(d), "")[:230].strip().replace("\n"," | "), flush=True)
shutil.rmtree(root)
