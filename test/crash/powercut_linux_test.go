package crash

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"
)

// TestPowerCut cuts the power of a real file system under load, CRASH_POWERCUTS
// times (2): an ext4 on a loop device is shut down without writing its journal,
// which loses whatever was not synced; then the broker is killed, the file
// system mounted again, and the broker started in a machine that seems to have
// booted anew. It needs root, loop devices and mkfs.ext4, and skips without.
func TestPowerCut(t *testing.T) {
	rounds, seed := setting(t, "CRASH_POWERCUTS", 2), setting(t, "CRASH_SEED", 1)
	rnd := rand.New(rand.NewPCG(uint64(seed), 1))
	d := newDisk(t)
	b := build(t)
	b.data, b.wrap = d.dir, d.machine
	d.mount()
	b.storm(rounds, rnd, "power cut", func() {
		d.cut()
		b.kill()
		d.umount()
		d.mount()
		b.start()
	})
}

// disk is an ext4 in a file, on a loop device.
type disk struct {
	t          *testing.T
	dir        string // where it is mounted
	loop       string // "/dev/loop3"
	bootID     string // the file that stands for the machine's
	incarnated int
}

// newDisk makes the file system, or skips where the machine does not let us.
func newDisk(t *testing.T) *disk {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("cutting the power of a file system needs root")
	}
	for _, program := range []string{"mkfs.ext4", "losetup", "mount", "umount", "unshare"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Skipf("there is no %s", program)
		}
	}
	base := t.TempDir()
	d := &disk{t: t, dir: filepath.Join(base, "disk"), bootID: filepath.Join(base, "boot_id")}
	image := filepath.Join(base, "image")
	for _, step := range []func() error{
		func() error { return os.Mkdir(d.dir, 0o700) },
		func() error { return os.WriteFile(image, nil, 0o600) },
		func() error { return os.Truncate(image, 1<<30) }, // sparse
	} {
		if err := step(); err != nil {
			t.Fatal(err)
		}
	}
	if out, err := d.run("mkfs.ext4", "-q", "-F", image); err != nil {
		t.Fatalf("mkfs.ext4: %v: %s", err, out)
	}
	out, err := d.run("losetup", "--find", "--show", image)
	if err != nil {
		t.Skipf("no loop device: %v: %s", err, out)
	}
	d.loop = strings.TrimSpace(out)
	t.Cleanup(func() {
		_, _ = d.run("umount", d.dir) // it may be gone already
		if out, err := d.run("losetup", "--detach", d.loop); err != nil {
			t.Errorf("losetup --detach: %v: %s", err, out)
		}
	})
	if out, err := d.run("mount", "-t", "ext4", d.loop, d.dir); err != nil {
		t.Skipf("a loop device cannot be mounted: %v: %s", err, out)
	}
	if out, err := d.run("unshare", "--mount", "mount", "--bind", image, "/proc/sys/kernel/random/boot_id"); err != nil {
		t.Skipf("no mount namespace: %v: %s", err, out)
	}
	d.umount()
	return d
}

// run is for the time after the test's own context too.
func (d *disk) run(name string, args ...string) (string, error) {
	out, err := exec.CommandContext(context.WithoutCancel(d.t.Context()), name, args...).CombinedOutput()
	return string(out), err
}

// mount brings the file system up again, in a machine that has booted since.
func (d *disk) mount() {
	d.t.Helper()
	if out, err := d.run("mount", "-t", "ext4", d.loop, d.dir); err != nil {
		d.t.Fatalf("mount: %v: %s", err, out)
	}
	d.incarnated++
	id := fmt.Sprintf("00000000-0000-4000-8000-%012d\n", d.incarnated)
	if err := os.WriteFile(d.bootID, []byte(id), 0o600); err != nil {
		d.t.Fatal(err)
	}
}

// machine runs a program where /proc shows the boot id of this incarnation.
func (d *disk) machine(program string, args ...string) *exec.Cmd {
	script := `mount --bind "$0" /proc/sys/kernel/random/boot_id && exec "$@"`
	return exec.Command("unshare", append([]string{"--mount", "sh", "-c", script, d.bootID, program}, args...)...)
}

// cut takes the power away: no write reaches the device from now on, the
// journal's included.
func (d *disk) cut() {
	d.t.Helper()
	const (
		ext4Shutdown = 0x8004587d // EXT4_IOC_SHUTDOWN
		noLogFlush   = uint32(2)  // EXT4_GOING_FLAGS_NOLOGFLUSH
	)
	f, err := os.Open(d.dir)
	if err != nil {
		d.t.Fatal(err)
	}
	defer func() { _ = f.Close() }() // a directory
	flags := noLogFlush
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, f.Fd(), ext4Shutdown, uintptr(unsafe.Pointer(&flags))); errno != 0 {
		if errors.Is(errno, syscall.ENOTTY) || errors.Is(errno, syscall.EOPNOTSUPP) || errors.Is(errno, syscall.EPERM) {
			d.t.Skipf("this kernel does not shut a file system down: %v", errno)
		}
		d.t.Fatalf("shut down: %v", errno)
	}
}

// umount takes the file system away, and waits until the kernel has let go of
// it: the killed broker's namespace had it mounted too.
func (d *disk) umount() {
	d.t.Helper()
	if out, err := d.run("umount", d.dir); err != nil {
		d.t.Fatalf("umount: %v: %s", err, out)
	}
	deadline := time.Now().Add(time.Minute)
	for {
		_, err := os.Stat(filepath.Join("/sys/fs/ext4", filepath.Base(d.loop)))
		if errors.Is(err, fs.ErrNotExist) {
			return
		}
		if time.Now().After(deadline) {
			d.t.Fatal("the file system is still there a minute after it was unmounted")
		}
		time.Sleep(5 * time.Millisecond) // nothing tells when
	}
}
