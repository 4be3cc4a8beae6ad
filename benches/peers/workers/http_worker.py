"""A server asked over HTTP in OpenAI's form, by one client: the time includes writing, sending and reading JSON.

--server wembed is `wembed serve` without its cache, since the texts come again; --server sidecar the Python program that it replaces, rebuilt (benches/serve/sidecar.py).
"""
import http.client, json, pathlib, socket, subprocess, sys, time

import numpy
import protocol

arguments = protocol.arguments(["f32"])


def start_wembed():
    server = subprocess.Popen(
        ["target/release/wembed", "serve", "--port", "0", "--model", arguments.model, "--device", "cpu", "--dtype", arguments.dtype,
         "--threads", str(arguments.threads), "--cache-memory", "0", "--exit-with-parent"], stdout=subprocess.PIPE, text=True)
    return int(json.loads(server.stdout.readline())["url"].rpartition(":")[2])


def start_sidecar():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    server = subprocess.Popen([sys.executable, "benches/serve/sidecar.py", arguments.model, str(port)])
    while True:
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            return port
        except ConnectionRefusedError:
            if server.poll() is not None:
                sys.exit("the sidecar did not start")
            time.sleep(0.1)


connection = http.client.HTTPConnection("127.0.0.1", {"wembed": start_wembed, "sidecar": start_sidecar}[arguments.server]())


def embed(texts):
    body = json.dumps({"model": pathlib.Path(arguments.model).name, "input": texts})
    connection.request("POST", "/v1/embeddings", body, {"content-type": "application/json"})
    answer = connection.getresponse()
    content = json.loads(answer.read())
    connection.close()  # a server that was asleep may find that it waited too long; the next request opens another
    if answer.status != 200:
        sys.exit(f"{arguments.server}: expected 200, found {answer.status}: {content}")
    return numpy.array([each["embedding"] for each in content["data"]])


protocol.serve(embed, server=arguments.server)
