package sandbox

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"net"
	"os"

	"golang.org/x/sys/unix"
)

const (
	maxMessage = 16 << 10
	maxDetail  = 2 << 10 // of a message; in JSON a byte may take six
	maxSockets = 250     // the kernel takes 253 descriptors in one message
)

// sendMessage sends one packet, with descriptors. Packets are whole or not there, so senders need no lock.
func sendMessage(fd int, m message, descriptors ...int) error {
	packet, err := json.Marshal(m)
	if err != nil {
		return err
	}
	var rights []byte
	if len(descriptors) > 0 {
		rights = unix.UnixRights(descriptors...)
	}
	for {
		err := unix.Sendmsg(fd, packet, rights, nil, unix.MSG_NOSIGNAL)
		if !errors.Is(err, unix.EINTR) {
			return err
		}
	}
}

// receiveMessage waits for one packet. It blocks its thread. io.EOF means that the other side is gone.
func receiveMessage(fd int) (message, error) {
	packet := make([]byte, maxMessage)
	for {
		n, _, _, _, err := unix.Recvmsg(fd, packet, nil, 0)
		switch {
		case errors.Is(err, unix.EINTR):
			continue
		case err != nil:
			return message{}, err
		case n == 0:
			return message{}, io.EOF
		}
		var m message
		err = json.Unmarshal(packet[:n], &m)
		return m, err
	}
}

// control is outer's end of the socket to init.
type control struct{ conn *net.UnixConn }

// newControl takes fd over.
func newControl(fd int) (control, error) {
	f := os.NewFile(uintptr(fd), "control")
	defer f.Close()
	conn, err := net.FileConn(f)
	if err != nil {
		return control{}, err
	}
	return control{conn.(*net.UnixConn)}, nil
}

func (c control) send(m message) error {
	packet, err := json.Marshal(m)
	if err != nil {
		return err
	}
	_, err = c.conn.Write(packet)
	return err
}

// receive waits for one packet and the descriptors that came with it.
func (c control) receive() (message, []int, error) {
	packet, rights := make([]byte, maxMessage), make([]byte, unix.CmsgSpace(4*maxSockets))
	n, r, _, _, err := c.conn.ReadMsgUnix(packet, rights)
	if err != nil {
		return message{}, nil, err
	}
	if n == 0 {
		return message{}, nil, io.EOF
	}
	var descriptors []int
	parts, err := unix.ParseSocketControlMessage(rights[:r])
	for _, part := range parts {
		more, _ := unix.ParseUnixRights(&part)
		descriptors = append(descriptors, more...)
	}
	var m message
	return m, descriptors, errors.Join(err, json.Unmarshal(packet[:n], &m))
}

// A plan travels in a memory file, because a packet has not room for the certificates of a system: its length in eight
// bytes, its JSON, and the contents of the files.

// writePlan returns a descriptor that is closed on exec.
func writePlan(p plan, files []File) (int, error) {
	text, err := json.Marshal(p)
	if err != nil {
		return -1, err
	}
	fd, err := unix.MemfdCreate("plan", unix.MFD_CLOEXEC)
	if err != nil {
		return -1, os.NewSyscallError("memfd_create", err)
	}
	head := binary.BigEndian.AppendUint64(nil, uint64(len(text)))
	parts := [][]byte{append(head, text...)}
	for _, f := range files {
		parts = append(parts, f.Content)
	}
	at := int64(0)
	for _, part := range parts {
		for len(part) > 0 {
			n, err := unix.Pwrite(fd, part, at)
			if err != nil {
				unix.Close(fd)
				return -1, os.NewSyscallError("pwrite", err)
			}
			part, at = part[n:], at+int64(n)
		}
	}
	return fd, nil
}

// readPlan takes fd over and returns the plan and the content of each of its files.
func readPlan(fd int) (p plan, contents [][]byte, err error) {
	f := os.NewFile(uintptr(fd), "plan")
	defer f.Close()
	all, err := io.ReadAll(io.NewSectionReader(f, 0, 1<<62))
	if err != nil {
		return plan{}, nil, err
	}
	if len(all) < 8 || binary.BigEndian.Uint64(all) > uint64(len(all)-8) {
		return plan{}, nil, io.ErrUnexpectedEOF
	}
	size := binary.BigEndian.Uint64(all)
	text, rest := all[8:8+size], all[8+size:]
	if err := json.Unmarshal(text, &p); err != nil {
		return plan{}, nil, err
	}
	for _, file := range p.Files {
		if file.Size < 0 || file.Size > len(rest) {
			return plan{}, nil, io.ErrUnexpectedEOF
		}
		contents, rest = append(contents, rest[:file.Size]), rest[file.Size:]
	}
	return p, contents, nil
}
