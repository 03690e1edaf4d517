// Sweep calls the operations of the SDK against a server and checks every answer: that the SDK can decode it, and that
// the declared fields hold what they should.
//
// Arguments: the endpoint, the project id, the workspace id, then the groups to run; all of them if none is named. Keys
// come from CLOUD_SDK_AK and CLOUD_SDK_SK. Prints a line for each call. A group ends at its first wrong answer; the
// others still run, and the exit code is 1.
package main

import (
	"fmt"
	"os"

	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/auth/basic"
	secmaster "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/secmaster/v1"
)

type group struct {
	name string
	run  func(*sweep)
}

var groups = []group{
	{"alerts", alerts},
	{"incidents", incidents},
	{"conversion", conversion},
	{"relations", relations},
	{"types", types},
	{"workspaces", workspaces},
	{"notes", notes},
	{"indicators", indicators},
}

func main() {
	endpoint, projectID, workspaceID, wanted := os.Args[1], os.Args[2], os.Args[3], os.Args[4:]
	credentials := basic.NewCredentialsBuilder().
		WithAk(os.Getenv("CLOUD_SDK_AK")).
		WithSk(os.Getenv("CLOUD_SDK_SK")).
		WithProjectId(projectID).
		Build()
	client := secmaster.NewSecMasterClient(
		secmaster.SecMasterClientBuilder().WithEndpoints([]string{endpoint}).WithCredential(credentials).Build())

	failed := 0
	for _, chosen := range choose(wanted) {
		if !run(chosen, &sweep{client: client, group: chosen.name, projectID: projectID, workspaceID: workspaceID}) {
			failed++
		}
	}
	if failed > 0 {
		os.Exit(1)
	}
}

func choose(wanted []string) []group {
	if len(wanted) == 0 {
		return groups
	}
	chosen := []group{}
	for _, name := range wanted {
		known := len(chosen)
		for _, one := range groups {
			if one.name == name {
				chosen = append(chosen, one)
			}
		}
		if len(chosen) == known {
			fmt.Fprintln(os.Stderr, "there is no group", name)
			os.Exit(2)
		}
	}
	return chosen
}

// run tells whether the group passed.
func run(one group, s *sweep) (passed bool) {
	defer func() {
		switch wrong := recover().(type) {
		case nil:
		case failure:
			fmt.Fprintln(os.Stderr, "FAILED", wrong)
		default:
			panic(wrong)
		}
	}()
	one.run(s)
	return true
}
