import com.huaweicloud.sdk.core.auth.BasicCredentials;
import com.huaweicloud.sdk.core.exception.ConnectionException;
import com.huaweicloud.sdk.core.exception.RequestTimeoutException;
import com.huaweicloud.sdk.core.exception.ServiceResponseException;
import com.huaweicloud.sdk.secmaster.v2.*;
import com.huaweicloud.sdk.secmaster.v2.model.*;
import com.huaweicloud.sdk.secmaster.v2.region.SecMasterRegion;
import java.util.Arrays;
import java.util.List;

/**
 * The documentation's sample of CreateBatchOrderAlerts; where it goes, and with which ids, comes from outside.
 *
 * <p>Arguments: the endpoint, the project id, the workspace id, then the ids of alerts. An empty endpoint or project id is
 * left out: then the region cn-north-4 is asked for, as in the documentation. Keys come from CLOUD_SDK_AK and
 * CLOUD_SDK_SK.
 */
public class Sample {

    public static void main(String[] args) {
        String endpoint = args[0];
        String projectId = args[1];
        String ak = System.getenv("CLOUD_SDK_AK");
        String sk = System.getenv("CLOUD_SDK_SK");

        BasicCredentials auth = new BasicCredentials().withAk(ak).withSk(sk);
        if (!projectId.isEmpty()) {
            auth.withProjectId(projectId);
        }

        var builder = SecMasterClient.newBuilder().withCredential(auth);
        if (endpoint.isEmpty()) {
            builder.withRegion(SecMasterRegion.valueOf("cn-north-4"));
        } else {
            builder.withEndpoint(endpoint);
        }
        SecMasterClient client = builder.build();

        CreateBatchOrderAlertsRequest request = new CreateBatchOrderAlertsRequest();
        request.withWorkspaceId(args[2]);
        OrderAlert body = new OrderAlert();
        OrderAlertIncidentContentIncidentType incidentTypeIncidentContent = new OrderAlertIncidentContentIncidentType();
        incidentTypeIncidentContent.withId("909494e3-558e-46b6-a9eb-07a8e18ca62f")
            .withCategory("DDoS attack")
            .withIncidentType("DNS protocol attacks");
        OrderAlertIncidentContent incidentContentbody = new OrderAlertIncidentContent();
        incidentContentbody.withTitle("XXX")
            .withIncidentType(incidentTypeIncidentContent);
        List<String> listbodyIds = Arrays.asList(args).subList(3, args.length);
        body.withIncidentContent(incidentContentbody);
        body.withIds(listbodyIds);
        request.withBody(body);
        try {
            CreateBatchOrderAlertsResponse response = client.createBatchOrderAlerts(request);
            System.out.println(response.toString());
        } catch (ConnectionException e) {
            e.printStackTrace();
        } catch (RequestTimeoutException e) {
            e.printStackTrace();
        } catch (ServiceResponseException e) {
            e.printStackTrace();
            System.out.println(e.getHttpStatusCode());
            System.out.println(e.getRequestId());
            System.out.println(e.getErrorCode());
            System.out.println(e.getErrorMsg());
        }
    }
}
