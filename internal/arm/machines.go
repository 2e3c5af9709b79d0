package arm

import (
	"net/http"
	"strings"
)

// Machines: those of Azure (Microsoft.Compute/virtualMachines, 2024-03-01) and those elsewhere that are managed from it
// (Microsoft.HybridCompute/machines, 2022-12-27). To Inborn both are nodes on which an agent may run.

const typeVirtualMachine = "Microsoft.Compute/virtualMachines"

func computeKinds() []kind {
	return []kind{
		{name: typeVirtualMachine, readOnly: "vmId timeCreated instanceView resources", show: showVirtualMachine},
		{name: "Microsoft.HybridCompute/machines", readOnly: "vmId machineFqdn displayName lastStatusChange status", show: showMachine},
		{name: "Microsoft.Compute/virtualMachineScaleSets", readOnly: "uniqueId timeCreated", show: func(s *shown) {
			s.props["uniqueId"], s.props["timeCreated"] = s.id("scale set"), s.r.Created
		}},
	}
}

func showVirtualMachine(s *shown) {
	s.props["vmId"], s.props["timeCreated"] = s.id("virtual machine"), s.r.Created
	if strings.Contains(strings.ToLower(query(s.c.r, "$expand")), "instanceview") {
		s.props["instanceView"] = instanceViewOut(s.r)
	}
}

func showMachine(s *shown) {
	s.props["vmId"], s.props["displayName"] = s.id("machine"), s.r.ID.Name()
	s.fill("osName", "linux")
}

// getInstanceView tells how a virtual machine does: what was wanted of it last, as none runs here.
func (c *call) getInstanceView() error {
	r, err := findResource(c.dir, c.id)
	if err != nil {
		return err
	}
	return c.json(http.StatusOK, instanceViewOut(r))
}

func (c *call) startMachine() error      { return c.setCondition("") }
func (c *call) powerOffMachine() error   { return c.setCondition("stopped") }
func (c *call) deallocateMachine() error { return c.setCondition("deallocated") }
