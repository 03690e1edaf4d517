import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.huaweicloud.sdk.core.auth.BasicCredentials;
import com.huaweicloud.sdk.secmaster.v2.SecMasterClient;
import com.huaweicloud.sdk.secmaster.v2.model.*;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Calls the operations of the SDK against a server and checks every answer: that the SDK can decode it, and that the
 * declared fields hold what they should.
 *
 * <p>Arguments: the endpoint, the project id, the workspace id, then the groups to run; all of them if none is named. Keys
 * come from CLOUD_SDK_AK and CLOUD_SDK_SK. Prints a line for each call. A group ends at its first wrong answer; the others
 * still run, and the exit code is 1.
 */
public class Sweep {

    private static final Map<String, Runner> GROUPS = new LinkedHashMap<>();

    static {
        GROUPS.put("alerts", Sweep::alerts);
        GROUPS.put("incidents", Sweep::incidents);
        GROUPS.put("conversion", Sweep::conversion);
        GROUPS.put("relations", Sweep::relations);
        GROUPS.put("types", Sweep::types);
        GROUPS.put("workspaces", Sweep::workspaces);
        GROUPS.put("indicators", Sweep::indicators);
    }

    private interface Runner {
        void run(Sweep sweep);
    }

    private final SecMasterClient client;
    private final Desk desk;

    private Sweep(SecMasterClient client, Desk desk) {
        this.client = client;
        this.desk = desk;
    }

    public static void main(String[] args) {
        BasicCredentials credentials = new BasicCredentials()
                .withAk(System.getenv("CLOUD_SDK_AK"))
                .withSk(System.getenv("CLOUD_SDK_SK"))
                .withProjectId(args[1]);
        SecMasterClient client =
                SecMasterClient.newBuilder().withCredential(credentials).withEndpoint(args[0]).build();
        List<String> named = Arrays.asList(args).subList(3, args.length);
        boolean passed = true;
        for (String group : named.isEmpty() ? GROUPS.keySet() : named) {
            Runner runner = GROUPS.get(group);
            if (runner == null) {
                System.err.println("there is no group " + group);
                System.exit(2);
            }
            try {
                runner.run(new Sweep(client, new Desk(group, args[1], args[2])));
            } catch (Desk.Failure failure) {
                System.err.println("FAILED " + failure.getMessage());
                passed = false;
            }
        }
        // The SDK's connection pool would keep the process for some minutes.
        System.exit(passed ? 0 : 1);
    }

    /**
     * What alerts and incidents declare in common, as it is sent. Without `sla`: this release reads a number in it, newer
     * ones a time.
     */
    private static final ObjectNode OBSERVED = Desk.json("""
            {
              'version': '1.0', 'labels': 'dns,edge',
              'environment': {
                'vendor_type': 'MyCloud', 'domain_id': 'd', 'region_id': 'r', 'project_id': 'p', 'cross_workspace_id': 'w'
              },
              'data_source': {
                'source_type': 3, 'domain_id': 'd', 'project_id': 'p', 'region_id': 'r', 'company_name': 'OISF',
                'product_name': 'Suricata', 'product_feature': 'IDS', 'product_module': 'eve'
              },
              'first_observed_time': '2026-01-02T03:04:05.678Z+0800',
              'last_observed_time': '2026-01-02T03:05:05.678Z+0800',
              'arrive_time': '2026-01-02T03:06:05.678Z+0800',
              'title': 'Flood of DNS answers <é>', 'description': 'From many senders to one host',
              'source_url': 'http://example.invalid/1', 'count': 4, 'confidence': 80, 'severity': 'High', 'criticality': 50,
              'network_list': [{
                'direction': 'IN', 'protocol': 'UDP',
                'src_ip': '192.0.2.1', 'src_port': 53, 'src_domain': 'a.example',
                'src_geo': {'latitude': 1.5, 'longitude': 2.5, 'city_code': 'AMS', 'country_code': 'NL'},
                'dest_ip': '198.51.100.7', 'dest_port': '4444', 'dest_domain': 'b.example',
                'dest_geo': {'latitude': -1.5, 'longitude': -2.5, 'city_code': 'BCN', 'country_code': 'ES'}
              }],
              'resource_list': [{
                'id': 'host-1', 'name': 'web-01', 'type': 'cloudservers', 'provider': 'ecs', 'region_id': 'r',
                'domain_id': 'd', 'project_id': 'p', 'ep_id': '0', 'ep_name': 'default', 'tags': 'team:red'
              }],
              'remediation': {'recommendation': 'Block', 'url': 'http://example.invalid/2'},
              'verification_state': 'Unknown', 'handle_status': 'Open', 'ipdrr_phase': 'Contain，Eradication& Recovery',
              'simulation': 'false', 'actor': 'somebody', 'owner': 'anybody', 'creator': 'nobody',
              'malware': {'malware_family': 'f', 'malware_class': 'c'}, 'system_info': {'kernel': '6'},
              'process': [{
                'process_name': 'named', 'process_path': '/usr/sbin/named', 'process_pid': 1, 'process_uid': 2,
                'process_cmdline': 'named -f', 'process_parent_name': 'init', 'process_parent_path': '/sbin/init',
                'process_parent_pid': 3, 'process_parent_uid': 4, 'process_parent_cmdline': 'init',
                'process_child_name': 'sh', 'process_child_path': '/bin/sh', 'process_child_pid': 5,
                'process_child_uid': 6, 'process_child_cmdline': 'sh -c',
                'process_launche_time': '2026-01-02T03:04:05.000+08:00',
                'process_terminate_time': '2026-01-02T03:04:06.000+08:00'
              }],
              'user_info': [{'user_id': 'u', 'user_name': 'root'}],
              'file_info': [{
                'file_path': '/tmp/x', 'file_content': 'x', 'file_new_path': '/tmp/y', 'file_hash': '0', 'file_md5': '1',
                'file_sha256': '2', 'file_attr': 'hidden'
              }],
              'system_alert_table': {'column': 1}
            }""");

    /** How the times of OBSERVED come back. */
    private static final ObjectNode ANSWERED_TIMES = Desk.json("""
            {
              'first_observed_time': '2026-01-02T03:04:05.678+08:00',
              'last_observed_time': '2026-01-02T03:05:05.678+08:00',
              'arrive_time': '2026-01-02T03:06:05.678+08:00'
            }""");

    private static final ObjectNode CHANGE = Desk.json("{'severity': 'Fatal', 'description': '', 'owner': 'me'}");
    private static final ObjectNode CLOSING =
            Desk.json("{'handle_status': 'Closed', 'close_reason': 'Resolved', 'close_comment': 'done'}");
    private static final ObjectNode PAGE =
            Desk.json("{'limit': 10, 'offset': 0, 'sort_by': 'create_time', 'order': 'ASC'}");
    private static final ObjectNode SECOND_PAGE =
            Desk.json("{'limit': 1, 'offset': 1, 'sort_by': 'create_time', 'order': 'ASC'}");

    private void alerts() {
        ObjectNode sent = Desk.merged(OBSERVED, Desk.json(
                "{'alert_type': {'category': 'DDoS attack', 'alert_type': 'DNS protocol attacks'}}"));
        ObjectNode answered = Desk.merged(sent, ANSWERED_TIMES);

        JsonNode created = desk.called("create_alert", CreateAlertRequest.class, client::createAlert,
                dataObject(sent), Desk.object("data", detail("Alert", answered)));
        String first = created.at("/data/id").asText();
        String second = alert("Second");
        desk.called("show_alert", ShowAlertRequest.class, client::showAlert,
                desk.here(null, "alert_id", first), Desk.object("data", created.get("data")));
        desk.called("list_alerts", ListAlertsRequest.class, client::listAlerts,
                desk.here(search("severity", "High")),
                Desk.merged(rows(10, 0, 1, first), Desk.object("data", List.of(Desk.object("data_object", answered)))));
        desk.called("list_alerts", ListAlertsRequest.class, client::listAlerts,
                desk.here(SECOND_PAGE), rows(1, 1, 2, second));

        desk.called("change_alert", ChangeAlertRequest.class, client::changeAlert,
                dataObject(CHANGE, "alert_id", first), changed(first, answered));
        desk.called("change_alert", ChangeAlertRequest.class, client::changeAlert,
                dataObject(CLOSING, "alert_id", first), closed());
        desk.called("delete_alert", DeleteAlertRequest.class, client::deleteAlert,
                desk.here(batch(first, Desk.UNKNOWN_ID)), split(List.of(first), List.of(Desk.UNKNOWN_ID)));
        desk.refused("show_alert", ShowAlertRequest.class, client::showAlert,
                desk.here(null, "alert_id", first), "SecMaster.20030005");
        desk.refused("create_alert", CreateAlertRequest.class, client::createAlert,
                dataObject(Desk.json("{'severity': 'High'}")), "SecMaster.20041805");
        desk.refused("list_alerts", ListAlertsRequest.class, client::listAlerts,
                desk.here(Desk.json("{'sort_by': 'nothing'}")), "SecMaster.20030009");
        deleteAlerts(second);
    }

    private void incidents() {
        ObjectNode sent = Desk.merged(OBSERVED, Desk.json(
                "{'incident_type': {'category': 'Web Attack', 'incident_type': 'Black IP'}}"));
        ObjectNode answered = Desk.merged(sent, ANSWERED_TIMES);

        JsonNode created = desk.called("create_incident", CreateIncidentRequest.class, client::createIncident,
                dataObject(sent), Desk.object("data", detail("Incident", answered)));
        String first = created.at("/data/id").asText();
        String second = incident("Second");
        desk.called("show_incident", ShowIncidentRequest.class, client::showIncident,
                desk.here(null, "incident_id", first), Desk.object("data", created.get("data")));
        desk.called("list_incidents", ListIncidentsRequest.class, client::listIncidents,
                desk.here(search("incident_type.incident_type", "Black IP")),
                Desk.merged(rows(10, 0, 1, first), Desk.object("data", List.of(Desk.object("data_object", answered)))));
        desk.called("list_incidents", ListIncidentsRequest.class, client::listIncidents,
                desk.here(SECOND_PAGE), rows(1, 1, 2, second));

        desk.called("change_incident", ChangeIncidentRequest.class, client::changeIncident,
                dataObject(CHANGE, "incident_id", first), changed(first, answered));
        desk.called("change_incident", ChangeIncidentRequest.class, client::changeIncident,
                dataObject(CLOSING, "incident_id", first), closed());
        desk.called("delete_incident", DeleteIncidentRequest.class, client::deleteIncident,
                desk.here(batch(first, Desk.UNKNOWN_ID)), split(List.of(first), List.of(Desk.UNKNOWN_ID)));
        desk.refused("show_incident", ShowIncidentRequest.class, client::showIncident,
                desk.here(null, "incident_id", first), "SecMaster.20030005");
        desk.refused("create_incident", CreateIncidentRequest.class, client::createIncident,
                dataObject(Desk.json("{'count': -1}")), "SecMaster.20041504");
        deleteIncidents(second);
    }

    private void conversion() {
        String first = alert("First");
        String second = alert("Second");
        List<String> ids = List.of(first, Desk.UNKNOWN_ID, second);
        ObjectNode type = Desk.json("{'category': 'DDoS attack', 'incident_type': 'DNS protocol attacks'}");
        ObjectNode order = Desk.merged(Desk.object("ids", ids), Desk.object("incident_content",
                Desk.merged(Desk.object("title", "Converted"), Desk.object("incident_type", type))));

        desk.called("create_batch_order_alerts", CreateBatchOrderAlertsRequest.class, client::createBatchOrderAlerts,
                desk.here(order), split(List.of(first, second), List.of(Desk.UNKNOWN_ID)));
        ObjectNode wanted = Desk.merged(
                Desk.json("{'title': 'Converted', 'handle_status': 'Open'}"), Desk.object("incident_type", type));
        JsonNode found = desk.called("list_incidents", ListIncidentsRequest.class, client::listIncidents,
                desk.here(search("title", "Converted")), Desk.object("data", List.of(detail("Incident", wanted))));
        String incident = found.at("/data/0/id").asText();
        desk.called("show_alert", ShowAlertRequest.class, client::showAlert, desk.here(null, "alert_id", first),
                Desk.json("{'data': {'data_object': {'handle_status': 'Closed', 'close_time': '<present>'}}}"));
        related("alerts", first, "incidents", incident);
        related("incidents", incident, "alerts", first, second);
        desk.called("create_batch_order_alerts", CreateBatchOrderAlertsRequest.class, client::createBatchOrderAlerts,
                desk.here(order), split(List.of(), ids));
        desk.refused("create_batch_order_alerts", CreateBatchOrderAlertsRequest.class, client::createBatchOrderAlerts,
                desk.here(Desk.json("{'ids': []}")), "SecMaster.20041804");
        deleteAlerts(first, second);
        deleteIncidents(incident);
    }

    private void relations() {
        String incident = incident("Main");
        String alert = alert("First");

        related("incidents", incident, "alerts");
        desk.called("create_dataobject_relations", CreateDataobjectRelationsRequest.class,
                client::createDataobjectRelations,
                relation(ids(alert, Desk.UNKNOWN_ID), "incidents", incident, "alerts"),
                split(List.of(alert), List.of(Desk.UNKNOWN_ID)));
        related("incidents", incident, "alerts", alert);
        related("alerts", alert, "incidents", incident);
        desk.called("delete_dataobject_relations", DeleteDataobjectRelationsRequest.class,
                client::deleteDataobjectRelations,
                relation(ids(alert), "incidents", incident, "alerts"), split(List.of(alert), List.of()));
        related("incidents", incident, "alerts");
        desk.refused("create_dataobject_relations", CreateDataobjectRelationsRequest.class,
                client::createDataobjectRelations,
                relation(ids(alert), "incidents", Desk.UNKNOWN_ID, "alerts"), "SecMaster.20030005");
        desk.refused("create_dataobject_relations", CreateDataobjectRelationsRequest.class,
                client::createDataobjectRelations, relation(ids(), "incidents", incident, "alerts"), "SecMaster.20041033");
        deleteAlerts(alert);
        deleteIncidents(incident);
    }

    private void types() {
        JsonNode found = null;
        for (String code : List.of("Incident", "Indicator", "Alert")) {
            ObjectNode query = desk.here(null, "business_code", code).put("offset", 0).put("limit", 10);
            found = desk.called("list_dataclass", ListDataclassRequest.class, client::listDataclass, query, Desk.json("""
                    {'total': 1, 'dataclass_details': [{
                      'id': '<present>', 'name': '%s', 'business_code': '%s', 'is_built_in': true,
                      'project_id': '%s', 'workspace_id': '%s', 'create_time': '<present>', 'update_time': '<present>'
                    }]}""", code, code, desk.projectId, desk.workspaceId));
        }
        String alertClass = found.at("/dataclass_details/0/id").asText();
        desk.called("list_dataclass_fields", ListDataclassFieldsRequest.class, client::listDataclassFields,
                desk.here(null, "dataclass_id", alertClass, "name", "title").put("offset", 0).put("limit", 100),
                Desk.json("""
                    {'total': 1, 'field_details': [{
                      'id': '<present>', 'field_key': 'title', 'name': '<present>', 'dataclass_name': 'Alert',
                      'is_built_in': true, 'field_type': '<present>'
                    }]}"""));
        desk.called("list_dataclass_fields", ListDataclassFieldsRequest.class, client::listDataclassFields,
                desk.here(null, "dataclass_id", alertClass).put("offset", 1).put("limit", 2).put("is_built_in", true),
                Desk.json("{'total': '<present>', 'field_details': [{'id': '<present>'}, {'id': '<present>'}]}"));
    }

    private void workspaces() {
        ObjectNode sent = Desk.json("""
                {'name': 'sweep', 'description': 'Made by a test', 'region_id': 'cn-north-4', 'project_name': 'cn-north-4',
                 'enterprise_project_id': '0', 'enterprise_project_name': 'default', 'is_view': false}""");
        ObjectNode answered = Desk.merged(sent, Desk.json("""
                {'id': '<present>', 'project_id': '%s', 'domain_id': '<present>', 'domain_name': '<present>',
                 'creator_id': '<present>', 'creator_name': '<present>', 'modifier_id': '<present>',
                 'modifier_name': '<present>', 'create_time': '<present>', 'update_time': '<present>',
                 'workspace_agency_list': []}""", desk.projectId));
        ObjectNode tagged = Desk.merged(sent, Desk.json("{'tags': [{'key': 'team', 'value': 'red'}]}"));

        JsonNode created = desk.called("create_workspace", CreateWorkspaceRequest.class, client::createWorkspace,
                Desk.object("body", tagged), answered);
        ObjectNode row = Desk.merged(answered, Desk.object("id", created.get("id")));
        desk.called("list_workspaces", ListWorkspacesRequest.class, client::listWorkspaces,
                Desk.json("{'offset': 0, 'limit': 10, 'name': 'sweep'}"),
                Desk.merged(Desk.object("count", 1), Desk.object("workspaces", List.of(row))));
        desk.refused("create_workspace", CreateWorkspaceRequest.class, client::createWorkspace,
                Desk.object("body", Desk.merged(sent, Desk.object("name", ""))), "SecMaster.20011001");
    }

    private void indicators() {
        ObjectNode sent = Desk.json("""
                {'name': 'bad host', 'value': '198.51.100.7', 'verdict': 'Black', 'confidence': 90, 'status': 'Open',
                 'labels': 'edge', 'granular_marking': '1', 'defanged': false,
                 'first_report_time': '2026-03-01T08:00:00.000Z+0800', 'last_report_time': '2026-03-02T08:00:00.000Z+0800',
                 'indicator_type': {'indicator_type': 'ipv4', 'id': '0f1e2d3c4b5a69788796a5b4c3d2e1f0'},
                 'data_source': {
                   'source_type': 1, 'domain_id': '%1$s', 'project_id': '%1$s', 'region_id': 'region-1',
                   'product_name': 'SecMaster', 'product_feature': 'SecMaster'
                 },
                 'environment': {
                   'vendor_type': 'HWC', 'domain_id': '%1$s', 'project_id': '%1$s', 'region_id': 'region-1'
                 },
                 'workspace_id': '%2$s', 'project_id': '%1$s'}""", desk.projectId, desk.workspaceId);
        ObjectNode answered = Desk.merged(sent, Desk.json("""
                {'id': '<present>', 'granular_marking': 1, 'create_time': '<present>', 'update_time': '<present>',
                 'first_report_time': '2026-03-01T08:00:00.000+08:00',
                 'last_report_time': '2026-03-02T08:00:00.000+08:00'}"""));
        // This release declares them for the request only.
        answered.remove(List.of("labels", "defanged"));
        answered.withObject("/data_source").remove(List.of("product_name", "product_feature"));

        JsonNode created = desk.called("create_indicator", CreateIndicatorRequest.class, client::createIndicator,
                dataObject(sent), Desk.object("data", Desk.merged(Desk.json("""
                    {'id': '<present>', 'name': 'bad host', 'project_id': '%s', 'workspace_id': '%s',
                     'create_time': '<present>', 'update_time': '<present>',
                     'dataclass_ref': {'id': '<present>', 'name': '<present>'}}""", desk.projectId, desk.workspaceId),
                    Desk.object("data_object", answered))));
        String id = created.at("/data/id").asText();
        desk.called("show_indicator_detail", ShowIndicatorDetailRequest.class, client::showIndicatorDetail,
                desk.here(null, "indicator_id", id), Desk.object("data", created.get("data")));
        desk.called("list_indicators", ListIndicatorsRequest.class, client::listIndicators,
                desk.here(search("verdict", "Black")),
                Desk.merged(Desk.object("total", 1), Desk.object("data", List.of(created.get("data")))));
        ObjectNode change =
                Desk.json("{'verdict': 'White', 'confidence': 95, 'granular_marking': 2, 'status': 'Closed'}");
        desk.called("update_indicator", UpdateIndicatorRequest.class, client::updateIndicator,
                dataObject(change, "indicator_id", id),
                Desk.object("data", Desk.object("data_object", Desk.merged(answered, change))));
        desk.called("delete_indicator", DeleteIndicatorRequest.class, client::deleteIndicator,
                desk.here(batch(id, Desk.UNKNOWN_ID)), split(List.of(id), List.of(Desk.UNKNOWN_ID)));
        desk.refused("show_indicator_detail", ShowIndicatorDetailRequest.class, client::showIndicatorDetail,
                desk.here(null, "indicator_id", id), "SecMaster.20030005");
    }

    private String alert(String title) {
        return desk.called("create_alert", CreateAlertRequest.class, client::createAlert,
                dataObject(Desk.object("title", title)),
                Desk.object("data", detail("Alert", Desk.object("title", title)))).at("/data/id").asText();
    }

    private String incident(String title) {
        return desk.called("create_incident", CreateIncidentRequest.class, client::createIncident,
                dataObject(Desk.object("title", title)),
                Desk.object("data", detail("Incident", Desk.object("title", title)))).at("/data/id").asText();
    }

    private void deleteAlerts(String... ids) {
        desk.called("delete_alert", DeleteAlertRequest.class, client::deleteAlert,
                desk.here(batch(ids)), split(List.of(ids), List.of()));
    }

    private void deleteIncidents(String... ids) {
        desk.called("delete_incident", DeleteIncidentRequest.class, client::deleteIncident,
                desk.here(batch(ids)), split(List.of(ids), List.of()));
    }

    /** Requires that exactly these objects are related. */
    private void related(String type, String id, String relatedType, String... related) {
        desk.called("list_dataobject_relations", ListDataobjectRelationsRequest.class, client::listDataobjectRelations,
                relation(PAGE, type, id, relatedType), rows(10, 0, related.length, related));
    }

    private ObjectNode relation(ObjectNode body, String type, String id, String relatedType) {
        return desk.here(body, "dataclass_type", type, "data_object_id", id, "related_dataclass_type", relatedType);
    }

    private ObjectNode dataObject(ObjectNode fields, String... namesAndValues) {
        return desk.here(Desk.object("data_object", fields), namesAndValues);
    }

    /** The wrapper of a fresh object. */
    private ObjectNode detail(String dataclass, ObjectNode fields) {
        ObjectNode wrapper = Desk.json("""
                {'id': '<present>', 'version': 1, 'format_version': 1, 'project_id': '%s', 'workspace_id': '%s',
                 'create_time': '<present>', 'update_time': '<present>',
                 'dataclass_ref': {'id': '<present>', 'name': '%s'}}""",
                desk.projectId, desk.workspaceId, dataclass);
        ObjectNode own = Desk.json("""
                {'id': '<present>', 'workspace_id': '%s', 'create_time': '<present>', 'update_time': '<present>'}""",
                desk.workspaceId);
        return Desk.merged(wrapper, Desk.object("data_object", Desk.merged(own, fields)));
    }

    private static ObjectNode changed(String id, ObjectNode before) {
        return Desk.object("data", Desk.merged(
                Desk.object("id", id), Desk.object("version", 2),
                Desk.object("data_object", Desk.merged(before, CHANGE))));
    }

    private static ObjectNode closed() {
        return Desk.object("data", Desk.object("data_object",
                Desk.merged(CLOSING, Desk.object("close_time", Desk.PRESENT))));
    }

    private static ObjectNode rows(int limit, int offset, int total, String... ids) {
        List<ObjectNode> data = Arrays.stream(ids).map(id -> Desk.object("id", id)).toList();
        return Desk.merged(
                Desk.object("limit", limit), Desk.object("offset", offset), Desk.object("total", total),
                Desk.object("data", data));
    }

    private static ObjectNode split(List<String> success, List<String> failed) {
        return Desk.object("data", Desk.merged(
                Desk.object("success_ids", success), Desk.object("error_ids", failed)));
    }

    private static ObjectNode batch(String... ids) {
        return Desk.object("batch_ids", ids);
    }

    private static ObjectNode ids(String... ids) {
        return Desk.object("ids", ids);
    }

    private static ObjectNode search(String field, String value) {
        return Desk.json("""
                {'limit': 10, 'offset': 0,
                 'condition': {'conditions': [{'name': 'c', 'data': ['%s', '=', '%s']}], 'logics': ['c']}}""",
                field, value);
    }
}
