"""A certificate authority of our own: certificates for 127.0.0.1 and localhost, and client certificates (openssl)."""
import os
import subprocess


def openssl(*words, cwd=None):
    subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=cwd)


class Authority:
    def __init__(self, folder, name="runnel-test-ca"):
        os.makedirs(folder, exist_ok=True)
        self.folder = folder
        self.cert, self.key = os.path.join(folder, "ca.crt"), os.path.join(folder, "ca.key")
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "30",
                "-subj", "/CN=" + name, "-keyout", self.key, "-out", self.cert,
                "-addext", "basicConstraints=critical,CA:TRUE", "-addext", "keyUsage=critical,keyCertSign,cRLSign")

    def issue(self, name, subject=None, hosts=("localhost",), addresses=("127.0.0.1",), client=False):
        """Returns (cert, key), paths of PEM files."""
        base = os.path.join(self.folder, name)
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-subj", subject or "/CN=" + name,
                "-keyout", base + ".key", "-out", base + ".csr")
        with open(base + ".ext", "w") as f:
            f.write("subjectAltName=%s\n" % ",".join(["DNS:" + h for h in hosts] + ["IP:" + a for a in addresses]))
            f.write("extendedKeyUsage=%s\n" % ("clientAuth" if client else "serverAuth"))
        openssl("x509", "-req", "-in", base + ".csr", "-CA", self.cert, "-CAkey", self.key, "-CAcreateserial", "-days", "30",
                "-extfile", base + ".ext", "-out", base + ".crt")
        return base + ".crt", base + ".key"
