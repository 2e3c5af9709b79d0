package interop

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// OpenTofu encrypts its state with a key of a vault, by itself and without a provider: its module is built as it is and
// run in the sandbox, with the managed identity of somebody who may only use keys. Building it takes minutes.

const (
	tofuModule = "github.com/opentofu/opentofu@v1.12.6"
	tofuBuilds = 25 * time.Minute
	tofuCanary = "a-text-that-no-file-may-show"
)

// tofuConfiguration keeps one text. CLIENT is the client id of the identity.
const tofuConfiguration = `
terraform {
  encryption {
    key_provider "azure_vault" "vault" {
      vault_uri      = "https://kv-tofu.vault.azure.net"
      vault_key_name = "state"
      key_length     = 32
      use_msi        = true
      use_cli        = false
      client_id      = "CLIENT"
    }
    method "aes_gcm" "vault" {
      keys = key_provider.azure_vault.vault
    }
    state {
      method   = method.aes_gcm.vault
      enforced = true
    }
  }
}
variable "text" { type = string }
resource "terraform_data" "kept" { input = var.text }
output "text" { value = terraform_data.kept.output }
`

// tofu is OpenTofu in a folder with a configuration.
type tofu struct {
	bin, folder string
	box         box
}

func TestTofuEncryptsItsState(t *testing.T) {
	if os.Getenv("SOAK") != "1" {
		t.Skip("OpenTofu takes minutes to build: SOAK=1, as make soak has it")
	}
	needSandbox(t)
	d, err := start("--file", keysManifest, "--default-resource", "func-keys")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.stop(); err != nil {
			t.Error(err)
		}
		os.RemoveAll(d.data)
	})
	o := tofu{bin: buildTofu(t), folder: t.TempDir(), box: box{mode: "sandbox", flags: []string{"--data", d.data, "--as", "func-keys"}}}
	o.box.env = []string{"HOME=" + o.folder, "TF_CLI_CONFIG_FILE=" + os.DevNull, "TF_IN_AUTOMATION=1", "CHECKPOINT_DISABLE=1"}
	var made struct{ Name string }
	d.run(t, &made, "vault", "create", "kv-tofu")
	first := d.stateKey(t, "create", "--type", "RSA")

	o.configure(t, cryptoClient)
	o.must(t, "init", "-input=false")
	o.apply(t, tofuCanary+" 1", first)
	second := d.stateKey(t, "rotate")
	o.reads(t, tofuCanary+" 1") // with the version that it was encrypted with
	o.apply(t, tofuCanary+" 2", second)

	o.configure(t, strangerClient)
	o.fails(t, "ForbiddenByRbac")
	o.configure(t, cryptoClient)
	o.reads(t, tofuCanary+" 2")
	d.stateKey(t, "update", "--disable")
	o.fails(t, "KeyDisabled")
}

// buildTofu builds OpenTofu from its module, where go keeps it: its go.mod has a replacement, so go install refuses it.
func buildTofu(t *testing.T) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), tofuBuilds)
	defer cancel()
	download := exec.CommandContext(ctx, "go", "mod", "download", "-json", tofuModule)
	download.Dir, download.Env = t.TempDir(), machineEnv
	var module struct{ Dir, Error string }
	got := finish(t, download)
	if err := json.Unmarshal([]byte(got.stdout), &module); err != nil || module.Dir == "" {
		unavailable(t, "no module of OpenTofu: %s%s", module.Error, got.stderr)
	}
	bin := filepath.Join(t.TempDir(), "tofu")
	build := exec.CommandContext(ctx, "go", "build", "-C", module.Dir, "-o", bin, "./cmd/tofu")
	build.Env = append(slices.Clone(machineEnv), "CGO_ENABLED=0", "GOWORK=off")
	if got := finish(t, build); got.code != 0 {
		unavailable(t, "OpenTofu cannot be built: %s", got.stderr)
	}
	return bin
}

// stateKey does something with the key of the state and returns the version that it speaks of.
func (d *inborn) stateKey(t *testing.T, verb string, flags ...string) string {
	t.Helper()
	var out struct{ Key struct{ KID string } }
	d.run(t, &out, append([]string{"vault", "key", verb, "state", "--vault", "kv-tofu"}, flags...)...)
	return path.Base(out.Key.KID)
}

func (o tofu) configure(t *testing.T, client string) {
	t.Helper()
	if err := os.WriteFile(filepath.Join(o.folder, "main.tf"), []byte(strings.ReplaceAll(tofuConfiguration, "CLIENT", client)), 0o600); err != nil {
		t.Fatal(err)
	}
}

// try runs one command of OpenTofu.
func (o tofu) try(t *testing.T, args ...string) outcome {
	t.Helper()
	return o.box.try(t, "", append([]string{o.bin, "-chdir=" + o.folder}, append(args, "-no-color")...)...)
}

func (o tofu) must(t *testing.T, args ...string) string {
	t.Helper()
	got := o.try(t, args...)
	if got.code != 0 {
		t.Fatalf("tofu %q: exit code %d\n%s%s", args, got.code, got.stdout, got.stderr)
	}
	return got.stdout
}

// apply has the configuration keep a text. What is on disk then is encrypted, with a data key that this version of the
// vault's key has encrypted.
func (o tofu) apply(t *testing.T, text, version string) {
	t.Helper()
	o.must(t, "apply", "-auto-approve", "-input=false", "-var", "text="+text)
	o.reads(t, text)
	var state struct {
		Meta      map[string][]byte
		Encrypted []byte `json:"encrypted_data"`
		Resources json.RawMessage
	}
	if err := readJSON(filepath.Join(o.folder, "terraform.tfstate"), &state); err != nil {
		t.Fatal(err)
	}
	var key struct {
		Version    string `json:"key_version"`
		Algorithm  string `json:"algo"`
		Ciphertext []byte
	}
	if err := json.Unmarshal(state.Meta["key_provider.azure_vault.vault"], &key); err != nil {
		t.Fatal(err)
	}
	if len(state.Encrypted) == 0 || state.Resources != nil || key.Version != version || key.Algorithm != "RSA-OAEP-256" || len(key.Ciphertext) != 256 {
		t.Errorf("the state is %+v, its key %+v; want it encrypted with version %s", state, key, version)
	}
	files, err := filepath.Glob(filepath.Join(o.folder, "terraform.tfstate*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if content, err := os.ReadFile(file); err != nil || bytes.Contains(content, []byte(tofuCanary)) {
			t.Errorf("%s can be read by everybody: %v\n%s", file, err, content)
		}
	}
}

// reads expects the text that the state keeps.
func (o tofu) reads(t *testing.T, want string) {
	t.Helper()
	if got := o.must(t, "output", "-raw", "text"); got != want {
		t.Errorf("the state says %q, want %q", got, want)
	}
}

// fails expects that the state cannot be read, and OpenTofu to say why.
func (o tofu) fails(t *testing.T, why string) {
	t.Helper()
	got := o.try(t, "output", "-raw", "text")
	if got.code == 0 || !strings.Contains(got.stdout+got.stderr, why) || strings.Contains(got.stdout, tofuCanary) {
		t.Errorf("exit code %d, want an error that speaks of %s\n%s%s", got.code, why, got.stdout, got.stderr)
	}
}
