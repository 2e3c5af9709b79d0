package sandbox

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

var azure = []string{"vault.azure.net", "graph.microsoft.com"}

// shared returns an empty directory that every user can read and write.
func shared(t testing.TB) string {
	t.Helper()
	dir, err := os.MkdirTemp(binaryDir(), "d")
	if err != nil {
		t.Fatal(err)
	}
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	return dir
}

func write(t testing.TB, path, text string) string {
	t.Helper()
	if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	return path
}

func equal(t testing.TB, what, got, want string) {
	t.Helper()
	if got != want {
		t.Errorf("%s:\n got %q\nwant %q", what, got, want)
	}
}

func TestTheLiteralAddresses(t *testing.T) {
	each(t, func(t *testing.T, w who) {
		got := w.must(t, settings{Name: "a", Ours: azure}, `
			$TOOL get http://169.254.169.254/metadata/identity
			$TOOL get http://127.0.0.1:443/
			test -e /proc/net/if_inet6 && $TOOL get 'http://[::1]:443/' || echo public of a
			$TOOL get http://kv-orders.vault.azure.net:443/
			curl -s http://169.254.169.254/`)
		equal(t, "answers", got, "metadata of a\npublic of a\npublic of a\npublic of a\nmetadata of a")
	})
}

func TestOnlyTheMetadataAddressIsHere(t *testing.T) {
	each(t, func(t *testing.T, w who) {
		for _, address := range []string{"169.254.169.253:80", "169.254.170.2:80", "192.0.2.2:80", "[fd00:ec2::254]:80"} {
			r := w.run(t, settings{}, "$TOOL dial tcp '"+address+"'")
			if r.code == 0 || !strings.Contains(r.err, "network is unreachable") {
				t.Errorf("%s: exit code %d, %s", address, r.code, r.err)
			}
		}
	})
}

func TestNames(t *testing.T) {
	each(t, func(t *testing.T, w who) {
		got := w.must(t, settings{Name: "a", Ours: azure}, `
			cat /etc/resolv.conf
			$TOOL lookup kv-1.vault.azure.net
			$TOOL lookup KV.Vault.Azure.NET.
			getent ahostsv4 a.b.vault.azure.net | head -1
			getent ahosts graph.microsoft.com | head -1
			getent hosts example.com || echo code $?
			$TOOL lookup example.com 2>&1 | tail -1
			test "$(getent ahostsv4 "$(uname -n)" | cut -d' ' -f1 | head -1)" = 127.0.0.1 && echo host`)
		for _, want := range []string{"nameserver 127.0.0.1\n[127.0.0.1]\n[127.0.0.1]\n127.0.0.1 ", "\n127.0.0.1 ", "\ncode 2\n", "no such host", "\nhost\n"} {
			if !strings.Contains(got, want) {
				t.Errorf("no %q in %q", want, got)
			}
		}
	})
}

func TestFilesAreMounted(t *testing.T) {
	each(t, func(t *testing.T, w who) {
		dir := shared(t)
		plain, target := write(t, dir+"/plain", "host"), write(t, dir+"/target", "host")
		write(t, dir+"/binary", "host")
		link, missing := dir+"/link", dir+"/missing"
		if err := os.Symlink(target, link); err != nil {
			t.Fatal(err)
		}
		files := []File{{plain, []byte("first")}, {plain, []byte("inside\n")}, {link, []byte("linked\n")}, {missing, []byte("x")}, {dir + "/binary", []byte("\x00\xff\xfe")}}
		got := w.must(t, settings{Files: files, Env: []string{"DIR=" + dir}}, `
			cd $DIR; cat plain link target; ls -A | wc -l; od -An -c binary
			echo x 2>&1 >plain | grep -o 'Read-only.*'
			rm -f plain 2>&1 | grep -o 'busy'`)
		equal(t, "inside", got, "inside\nlinked\nlinked\n4\n  \\0 377 376\nRead-only file system\nbusy\n")
		for _, f := range []string{plain, target, dir + "/binary"} {
			if text, err := os.ReadFile(f); string(text) != "host" {
				t.Errorf("%s outside: %q, %v", f, text, err)
			}
		}
	})
}

func TestDirectoriesAreHidden(t *testing.T) {
	each(t, func(t *testing.T, w who) {
		dir := shared(t)
		data := filepath.Join(dir, "data")
		if err := os.MkdirAll(data+"/deep", 0o777); err != nil {
			t.Fatal(err)
		}
		write(t, data+"/secret", "secret")
		if err := os.Symlink(data, dir+"/link"); err != nil {
			t.Fatal(err)
		}
		s := settings{Hide: []string{dir + "/link", data + "/deep", dir + "/none"}, Env: []string{"DATA=" + data},
			Files: []File{{data + "/new/ca.pem", []byte("pem\n")}}}
		got := w.must(t, s, `
			cd $DATA; ls -A; cat new/ca.pem
			touch x 2>&1 | grep -o 'Read-only.*'
			umount $DATA /etc/resolv.conf 2>/dev/null && echo unmounted
			mount -o remount,rw $DATA 2>/dev/null && echo remounted
			unshare -Urm umount $DATA 2>/dev/null && echo unmounted
			unshare -Urm umount -l /etc/resolv.conf 2>/dev/null && echo unmounted
			unshare -Urm mount -o remount,bind,rw $DATA 2>/dev/null && echo remounted
			cat /proc/1/root$DATA/secret 2>/dev/null
			ls -A $DATA`)
		equal(t, "inside", got, "new\npem\nRead-only file system\nnew\n")

		s.Dir = data + "/deep"
		if r := w.run(t, s, "true"); r.code != ExitFailed || !strings.Contains(r.err, "which is hidden from the command") {
			t.Errorf("in the hidden directory: exit code %d, %s", r.code, r.err)
		}
	})
}

func TestCapabilities(t *testing.T) {
	each(t, func(t *testing.T, w who) {
		got := w.must(t, settings{}, `grep -h ^Cap /proc/self/status; sh -c 'grep -h ^Cap /proc/self/status'`)
		set := "0000000000000000"
		if w.name == "root" {
			set = "00000000800005fb" // rootKeeps
		}
		zero := "0000000000000000"
		want := "CapInh:\t" + zero + "\nCapPrm:\t" + set + "\nCapEff:\t" + set + "\nCapBnd:\t" + set + "\nCapAmb:\t" + zero + "\n"
		equal(t, "capabilities", got, want+want)
	})
}

func TestRootIsRootInside(t *testing.T) {
	if os.Geteuid() != 0 {
		t.Skip("only root can be root")
	}
	each(t, func(t *testing.T, w who) {
		if w.name != "root" {
			return
		}
		dir := shared(t)
		write(t, dir+"/file", "")
		got := w.must(t, settings{Dir: dir}, `
			chown 1234:4321 file && stat -c %u:%g file
			setpriv --reuid 1234 --regid 4321 --groups 7,8 id -u
			stat -c %U /etc/passwd
			ip link add dummy0 type dummy 2>/dev/null && echo may change the network || true`)
		equal(t, "inside", got, "1234:4321\n1234\nroot\n")
	})
}

func TestInitIsOutOfReach(t *testing.T) {
	each(t, func(t *testing.T, w who) {
		got := w.must(t, settings{}, `
			kill -9 1; kill -TERM 1; kill -INT 1
			cat /proc/1/environ 2>/dev/null | tr '\0' '\n' | head -1
			readlink /proc/1/fd/0 /proc/1/cwd
			readlink /proc/1/ns/mnt
			ls /proc | grep -c '^[0-9]' | { read n; test $n -lt 10 && echo few processes; }
			cat /proc/1/task/*/status | grep ^NoNewPrivs | head -1 | cut -c 1-3
			echo alive`)
		equal(t, "inside", got, "few processes\nNoN\nalive\n")
	})
}

// TestInitHasNoCapabilities looks at all threads of init. Binaries with cgo, such as those with the race detector, cannot
// drop them for all; `inborn` is one without.
func TestInitHasNoCapabilities(t *testing.T) {
	if usesCgo() {
		t.Skip("built with cgo; CGO_ENABLED=0 go test runs this")
	}
	each(t, func(t *testing.T, w who) {
		got := w.must(t, settings{}, `cat /proc/1/task/*/status | grep -h '^CapEff\|^CapPrm' | sort -u | cut -f 2 | sort -u`)
		want := "0000000000000000\n"
		if w.name == "root" {
			want = "00000000800005fb\n"
		}
		equal(t, "capabilities of init", got, want)
	})
}

func TestNested(t *testing.T) {
	each(t, func(t *testing.T, w who) {
		got := w.must(t, settings{Name: "a"}, `
			$TOOL get http://169.254.169.254/
			`+outerVariable+`='{"Name":"b","Command":["`+program()+`","tool","get","http://169.254.169.254/"]}' `+program()+`
			$TOOL get http://169.254.169.254/`)
		equal(t, "answers", got, "metadata of a\nmetadata of b\nmetadata of a\n")
	})
}
