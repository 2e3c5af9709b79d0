package sandbox

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
)

const maxConnect = 200 // the sockets for them travel in one message

// makePlan checks the configuration and turns it into what init is to do, and the files that go along.
func makePlan(c Config, id identity) (plan, []File, error) {
	if err := c.check(); err != nil {
		return plan{}, nil, err
	}
	asked, err := hidden(c.Hide)
	if err != nil {
		return plan{}, nil, err
	}
	if err := checkDir(c.Dir, asked); err != nil {
		return plan{}, nil, err
	}
	hide, err := hidden(slices.Concat(c.Hide, resolverDirectories()))
	if err != nil {
		return plan{}, nil, err
	}
	files, err := placed(slices.Concat(resolverFiles(c.Ours), c.Files), hide)
	if err != nil {
		return plan{}, nil, err
	}
	p := plan{Command: raws(c.Command), Dir: []byte(c.Dir), Env: raws(c.Env), Hide: raws(hide), Connect: c.Connect,
		Network: c.Network, IPv6: c.Network && hasIPv6(), Keep: id.keep}
	for _, f := range files {
		p.Files = append(p.Files, planFile{[]byte(f.Path), len(f.Content)})
	}
	return p, files, nil
}

func (c Config) check() error {
	if len(c.Command) == 0 {
		return errors.New("there is no command to run")
	}
	if !filepath.IsAbs(c.Dir) {
		return fmt.Errorf("the working directory %q is not absolute", c.Dir)
	}
	if len(c.Connect) > maxConnect {
		return fmt.Errorf("%d ports to connect to are more than %d", len(c.Connect), maxConnect)
	}
	for _, f := range c.Files {
		if !filepath.IsAbs(f.Path) {
			return fmt.Errorf("the path %q of a file to mount is not absolute", f.Path)
		}
	}
	for _, dir := range c.Hide {
		if !filepath.IsAbs(dir) {
			return fmt.Errorf("the directory %q to hide is not absolute", dir)
		}
	}
	return checkPorts(slices.Concat(c.Connect, c.Publish))
}

// checkPorts takes those to connect to and those to publish together: one that is both would lead to itself.
func checkPorts(ports []int) error {
	for i, port := range ports {
		switch {
		case port < 1 || port > 65535:
			return fmt.Errorf("%d is not a port", port)
		case port == httpsPort || port == dnsPort:
			return fmt.Errorf("port %d inside the sandbox is Inborn's own", port)
		case slices.Contains(ports[:i], port):
			return fmt.Errorf("port %d is named twice", port)
		}
	}
	return nil
}

// checkDir refuses a working directory that would be hidden from the command which is to work there.
func checkDir(dir string, hide []string) error {
	path, err := filepath.EvalSymlinks(dir)
	if err != nil {
		return err
	}
	for _, h := range hide {
		if within(path, h) {
			return fmt.Errorf("the working directory %s lies in %s, which is hidden from the command: start it elsewhere", dir, h)
		}
	}
	return nil
}

func raws(texts []string) [][]byte {
	all := make([][]byte, len(texts))
	for i, s := range texts {
		all[i] = []byte(s)
	}
	return all
}
