//go:build !linux

package sandbox

import "os"

// MemoryFile makes a file for the life of this process. This system has none that are on no disk: it is a temporary one,
// which stays behind if this process is killed.
func MemoryFile(name string, content []byte) (path string, file *os.File, err error) {
	file, err = os.CreateTemp("", name+"-*")
	if err != nil {
		return "", nil, err
	}
	if _, err := file.Write(content); err != nil {
		file.Close()
		return "", nil, err
	}
	return file.Name(), file, nil
}
