// The documentation's sample of CreateBatchOrderAlerts; where it goes, and with which ids, comes from outside.
//
// Arguments: the endpoint, the project id, the workspace id, then the ids of alerts. An empty endpoint is left out: then
// the region cn-north-4 is asked for, as in the documentation. Keys come from CLOUD_SDK_AK and CLOUD_SDK_SK.
package main

import (
	"fmt"
	"os"

	"github.com/huaweicloud/huaweicloud-sdk-go-v3/core/auth/basic"
	secmaster "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/secmaster/v2"
	"github.com/huaweicloud/huaweicloud-sdk-go-v3/services/secmaster/v2/model"
	region "github.com/huaweicloud/huaweicloud-sdk-go-v3/services/secmaster/v2/region"
)

func main() {
	endpoint, projectId, workspaceId, ids := os.Args[1], os.Args[2], os.Args[3], os.Args[4:]
	ak := os.Getenv("CLOUD_SDK_AK")
	sk := os.Getenv("CLOUD_SDK_SK")

	auth := basic.NewCredentialsBuilder().
		WithAk(ak).
		WithSk(sk).
		WithProjectId(projectId).
		Build()

	builder := secmaster.SecMasterClientBuilder().WithCredential(auth)
	if endpoint == "" {
		builder = builder.WithRegion(region.ValueOf("cn-north-4"))
	} else {
		builder = builder.WithEndpoints([]string{endpoint})
	}
	client := secmaster.NewSecMasterClient(builder.Build())

	request := &model.CreateBatchOrderAlertsRequest{}
	request.WorkspaceId = workspaceId
	idIncidentType := "909494e3-558e-46b6-a9eb-07a8e18ca62f"
	categoryIncidentType := "DDoS attack"
	incidentTypeIncidentType := "DNS protocol attacks"
	incidentTypeIncidentContent := &model.OrderAlertIncidentContentIncidentType{
		Id:           &idIncidentType,
		Category:     &categoryIncidentType,
		IncidentType: &incidentTypeIncidentType,
	}
	titleIncidentContent := "XXX"
	incidentContentbody := &model.OrderAlertIncidentContent{
		Title:        &titleIncidentContent,
		IncidentType: incidentTypeIncidentContent,
	}
	request.Body = &model.OrderAlert{
		IncidentContent: incidentContentbody,
		Ids:             &ids,
	}
	response, err := client.CreateBatchOrderAlerts(request)
	if err == nil {
		fmt.Printf("%+v\n", response)
	} else {
		fmt.Println(err)
	}
}
