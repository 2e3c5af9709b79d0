package sandbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"golang.org/x/sys/unix"
)

// flat is what holds for everything that init mounts: only data comes from there.
const flat = unix.MS_NOSUID | unix.MS_NODEV | unix.MS_NOEXEC

// takeMountsOver stops what is mounted from here on from showing outside. What the host unmounts still goes away inside:
// with private mounts the sandbox would pin it.
func takeMountsOver() error { return unix.Mount("", "/", "", unix.MS_REC|unix.MS_SLAVE, "") }

// mountProc shows the processes of the sandbox and no others. Containers that mask parts of /proc get EPERM, since a new
// one would show what was masked: they keep the old one, which does no harm but to ps.
func mountProc() (note string, err error) {
	err = unix.Mount("proc", "/proc", "proc", flat, "")
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
		return "/proc stays that of the host, as parts of it are masked here: ps does not work inside", nil
	}
	return "", err
}

// content is a file to mount: where, without links, and what.
type content struct {
	path string
	data []byte
}

// split returns the files below a directory, and the others.
func split(files []content, dir string) (below, others []content) {
	for _, f := range files {
		if within(f.path, dir) {
			below = append(below, f)
		} else {
			others = append(others, f)
		}
	}
	return below, others
}

// within reports whether path is dir or below it; both are absolute and clean.
func within(path, dir string) bool {
	return path == dir || strings.HasPrefix(path, strings.TrimSuffix(dir, "/")+"/")
}

// hide covers a directory with an empty one that has only the given files in it. So a link from outside into a hidden
// directory, as /etc/resolv.conf often is, still leads somewhere.
func hide(dir string, files []content) error {
	if err := unix.Mount("tmpfs", dir, "tmpfs", flat, "mode=0755"); err != nil {
		return fmt.Errorf("mount on %s: %w", dir, err)
	}
	for _, f := range files {
		if err := os.MkdirAll(filepath.Dir(f.path), 0o755); err != nil {
			return err
		}
		if err := os.WriteFile(f.path, f.data, 0o444); err != nil {
			return err
		}
	}
	return readOnly(dir)
}

// readOnly makes a mount of our own read-only. One of the host would need all its locked flags repeated.
func readOnly(dir string) error {
	if err := unix.Mount("", dir, "", unix.MS_REMOUNT|unix.MS_BIND|unix.MS_RDONLY|flat, ""); err != nil {
		return fmt.Errorf("mount %s read-only: %w", dir, err)
	}
	return nil
}

// cover puts the files in the place of those that exist. They are written into a file system in memory, mounted from
// there one by one, and that is taken away again: the single mounts keep what they show alive. They are read-only because
// the mount that they come from is.
//
// The places are opened before, as the stage may hide some of them.
func cover(files []content) error {
	if len(files) == 0 {
		return nil
	}
	places := make([]int, len(files))
	for i, f := range files {
		fd, err := unix.Open(f.path, unix.O_PATH|unix.O_NOFOLLOW|unix.O_CLOEXEC, 0)
		if err != nil {
			return &os.PathError{Op: "open", Path: f.path, Err: err}
		}
		defer unix.Close(fd)
		places[i] = fd
	}
	stage, err := openStage(files)
	if err != nil {
		return err
	}
	for i, f := range files {
		// Links in /proc lead to the place itself, even where something else is mounted over its path.
		if err := unix.Mount(staged(stage, i), "/proc/self/fd/"+strconv.Itoa(places[i]), "", unix.MS_BIND, ""); err != nil {
			return fmt.Errorf("mount on %s: %w", f.path, err)
		}
	}
	if err := unix.Unmount(stage, unix.MNT_DETACH); err != nil {
		return fmt.Errorf("unmount %s: %w", stage, err)
	}
	return nil
}

func staged(stage string, i int) string { return filepath.Join(stage, strconv.Itoa(i)) }

// openStage mounts the file system of cover over some directory and writes the files into it, under their numbers.
func openStage(files []content) (stage string, err error) {
	for _, stage = range []string{"/tmp", "/var", "/etc", "/usr"} {
		if err = unix.Mount("tmpfs", stage, "tmpfs", flat, "mode=0755"); !errors.Is(err, unix.ENOENT) && !errors.Is(err, unix.ENOTDIR) {
			break
		}
	}
	if err != nil {
		return "", fmt.Errorf("mount on %s: %w", stage, err)
	}
	for i, f := range files {
		if err := os.WriteFile(staged(stage, i), f.data, 0o444); err != nil {
			return "", err
		}
	}
	return stage, readOnly(stage)
}

// placed returns the files that have a place: their path exists, or lies in a directory that is hidden. Links are resolved,
// and each path is there once: the last content for it counts.
func placed(files []File, hide []string) ([]File, error) {
	var found []File
	at := map[string]int{}
	for _, f := range files {
		path := place(f.Path, hide)
		if path == "" {
			continue
		}
		if info, err := os.Lstat(path); err == nil && info.IsDir() {
			return nil, fmt.Errorf("%s is a directory; a file was expected", f.Path)
		}
		i, known := at[path]
		if !known {
			i = len(found)
			at[path] = i
			found = append(found, File{})
		}
		found[i] = File{Path: path, Content: f.Content}
	}
	return found, nil
}

// place resolves the links in the path of a file, or returns "" if there is no such file and none can be made.
func place(path string, hide []string) string {
	if path, err := filepath.EvalSymlinks(path); err == nil {
		return path
	}
	// What exists of the path may lead into a hidden directory, in which everything is ours to make.
	for dir, rest := filepath.Dir(path), filepath.Base(path); ; dir, rest = filepath.Dir(dir), filepath.Join(filepath.Base(dir), rest) {
		if real, err := filepath.EvalSymlinks(dir); err == nil {
			if slices.ContainsFunc(hide, func(h string) bool { return within(real, h) }) {
				return filepath.Join(real, rest)
			}
			return ""
		}
		if dir == filepath.Dir(dir) {
			return ""
		}
	}
}

// hidden resolves the directories to hide, and leaves out those that do not exist or lie in another of them.
func hidden(dirs []string) ([]string, error) {
	var found []string
	for _, dir := range dirs {
		path, err := filepath.EvalSymlinks(dir)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, err
		}
		info, err := os.Stat(path)
		if err != nil {
			return nil, err
		}
		if !info.IsDir() {
			return nil, fmt.Errorf("%s cannot be hidden: it is not a directory", dir)
		}
		found = append(found, path)
	}
	return outermost(found), nil
}

func outermost(dirs []string) (kept []string) {
	for i, dir := range dirs {
		covered := false
		for j, other := range dirs {
			if within(dir, other) && (dir != other || j < i) {
				covered = true
			}
		}
		if !covered {
			kept = append(kept, dir)
		}
	}
	return kept
}
