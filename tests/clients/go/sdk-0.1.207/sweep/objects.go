package main

// observed is what alerts and incidents declare in common, as it is sent.
var observed = object{
	"version":     "1.0",
	"labels":      "dns,edge",
	"environment": object{"vendor_type": "MyCloud", "domain_id": "d", "region_id": "r", "project_id": "p"},
	"data_source": object{
		"source_type": 3, "domain_id": "d", "project_id": "p", "region_id": "r", "company_name": "OISF",
		"product_name": "Suricata", "product_feature": "IDS", "product_module": "eve",
	},
	"first_observed_time": "2026-01-02T03:04:05.678Z+0800",
	"last_observed_time":  "2026-01-02T03:05:05.678Z+0800",
	"arrive_time":         "2026-01-02T03:06:05.678Z+0800",
	"title":               "Flood of DNS answers <é>",
	"description":         "From many senders to one host",
	"source_url":          "http://example.invalid/1",
	"count":               4,
	"confidence":          80,
	"severity":            "High",
	"criticality":         50,
	"network_list": list{object{
		"direction": "IN", "protocol": "UDP",
		"src_ip": "192.0.2.1", "src_port": 53, "src_domain": "a.example",
		"src_geo": object{"latitude": 1.5, "longitude": 2.5, "city_code": "AMS", "country_code": "NL"},
		"dest_ip": "198.51.100.7", "dest_port": "4444", "dest_domain": "b.example",
		"dest_geo": object{"latitude": -1.5, "longitude": -2.5, "city_code": "BCN", "country_code": "ES"},
	}},
	"remediation":        object{"recommendation": "Block", "url": "http://example.invalid/2"},
	"verification_state": "Unknown",
	"handle_status":      "Open",
	"sla":                "2026-01-03T03:04:05.678Z+0800",
	"ipdrr_phase":        "Contain，Eradication& Recovery",
	"simulation":         "false",
	"actor":              "somebody",
	"owner":              "anybody",
	"creator":            "nobody",
	"malware":            object{"malware_family": "f", "malware_class": "c"},
	"system_info":        object{"kernel": "6"},
	"process": list{object{
		"process_name": "named", "process_path": "/usr/sbin/named", "process_pid": 1, "process_uid": 2,
		"process_cmdline": "named -f", "process_parent_name": "init", "process_parent_path": "/sbin/init",
		"process_parent_pid": 3, "process_parent_uid": 4, "process_parent_cmdline": "init",
		"process_child_name": "sh", "process_child_path": "/bin/sh", "process_child_pid": 5,
		"process_child_uid": 6, "process_child_cmdline": "sh -c",
		"process_launche_time": "2026-01-02T03:04:05.000+08:00", "process_terminate_time": "2026-01-02T03:04:06.000+08:00",
	}},
	"user_info": list{object{"user_id": "u", "user_name": "root"}},
	"file_info": list{object{
		"file_path": "/tmp/x", "file_content": "x", "file_new_path": "/tmp/y", "file_hash": "0", "file_md5": "1",
		"file_sha256": "2", "file_attr": "hidden",
	}},
	"system_alert_table": object{"column": 1},
}

// answeredTimes is how the times of `observed` come back.
var answeredTimes = object{
	"first_observed_time": "2026-01-02T03:04:05.678+08:00",
	"last_observed_time":  "2026-01-02T03:05:05.678+08:00",
	"arrive_time":         "2026-01-02T03:06:05.678+08:00",
}

func resource(tags any) list {
	return list{object{
		"id": "host-1", "name": "web-01", "type": "cloudservers", "provider": "ecs", "region_id": "r",
		"domain_id": "d", "project_id": "p", "ep_id": "0", "ep_name": "default", "tags": tags,
	}}
}

// detail is the wrapper of a fresh object.
func (s *sweep) detail(class string, dataObject object) object {
	return object{
		"id": present, "type": "MANUAL", "version": 1, "format_version": 1,
		"project_id": s.projectID, "workspace_id": s.workspaceID, "create_time": present, "update_time": present,
		"dataclass_ref": object{"id": present, "name": class},
		"data_object": merged(object{
			"id": present, "workspace_id": s.workspaceID, "create_time": present, "update_time": present,
		}, dataObject),
	}
}

func alerts(s *sweep) {
	c := s.client
	sent := merged(observed, object{
		"alert_type":    object{"category": "DDoS attack", "alert_type": "DNS protocol attacks"},
		"resource_list": resource(object{"team": "red"}),
	})
	answered := merged(sent, answeredTimes)

	created := called(s, "create_alert", c.CreateAlert, s.body(object{"data_object": sent}),
		object{"data": s.detail("Alert", answered)})
	first := at(created, "data.id")
	second := s.alert("Second")
	showFirst := s.here(object{"alert_id": first})

	called(s, "show_alert", c.ShowAlert, showFirst, object{"data": created["data"]})
	called(s, "list_alerts", c.ListAlerts, s.body(search(10, 0, "severity", "=", "High")), object{
		"total": 1, "size": 10, "page": 1,
		"data": list{object{"id": first, "data_object": merged(answered, object{"incident_list": list{}})}},
	})
	called(s, "list_alerts", c.ListAlerts, s.body(object{"limit": 1, "offset": 1, "sort_by": "create_time", "order": "ASC"}),
		object{"total": 2, "size": 1, "page": 2, "data": list{object{"id": second}}})

	change := object{"severity": "Fatal", "description": "", "owner": "me"}
	called(s, "change_alert", c.ChangeAlert, s.here(object{"alert_id": first, "body": object{"data_object": change}}),
		object{"data": object{"id": first, "version": 2, "data_object": merged(answered, change)}})
	closing := object{"handle_status": "Closed", "close_reason": "Resolved", "close_comment": "done"}
	called(s, "change_alert", c.ChangeAlert, s.here(object{"alert_id": first, "body": object{"data_object": closing}}),
		object{"data": object{"data_object": merged(closing, object{"close_time": present})}})

	labels := object{"labels": "batch"}
	called(s, "change_alerts", c.ChangeAlerts, s.body(object{"batch_ids": list{first, second}, "data_object": labels}),
		object{"data": object{"data_object": labels}})
	for _, id := range []any{first, second} {
		called(s, "show_alert", c.ShowAlert, s.here(object{"alert_id": id}),
			object{"data": object{"id": id, "data_object": labels}})
	}

	called(s, "delete_alert", c.DeleteAlert, s.body(object{"batch_ids": list{first, unknownID}}), split(first))
	called(s, "delete_alerts", c.DeleteAlerts, s.body(object{"batch_ids": list{second, unknownID}}), split(second))
	refused(s, "show_alert", c.ShowAlert, showFirst, "SecMaster.20030005")
	refused(s, "create_alert", c.CreateAlert, s.body(object{"data_object": object{"severity": "High"}}),
		"SecMaster.20041805")
	refused(s, "list_alerts", c.ListAlerts, s.body(object{"sort_by": "nothing"}), "SecMaster.20030009")
}

func incidents(s *sweep) {
	c := s.client
	sent := merged(observed, object{
		"environment": object{
			"vendor_type": "MyCloud", "domain_id": "d", "region_id": "r", "project_id": "p", "cross_workspace_id": "w",
		},
		"incident_type": object{"category": "Web Attack", "incident_type": "Black IP"},
		"resource_list": resource("team:red"),
	})
	answered := merged(sent, answeredTimes)

	created := called(s, "create_incident", c.CreateIncident, s.body(object{"data_object": sent}),
		object{"data": s.detail("Incident", answered)})
	first := at(created, "data.id")
	second := s.incident("Second")
	showFirst := s.here(object{"incident_id": first})

	called(s, "show_incident", c.ShowIncident, showFirst, object{"data": created["data"]})
	called(s, "list_incidents", c.ListIncidents, s.body(search(10, 0, "incident_type.incident_type", "=", "Black IP")),
		object{"total": 1, "size": 10, "page": 1, "data": list{object{"id": first, "data_object": answered}}})
	called(s, "list_incidents", c.ListIncidents,
		s.body(object{"limit": 1, "offset": 1, "sort_by": "create_time", "order": "ASC"}),
		object{"total": 2, "size": 1, "page": 2, "data": list{object{"id": second}}})

	change := object{
		"handle_status": "Block", "verification_state": "Positive", "ipdrr_phase": "Detection and analysis", "description": "",
	}
	called(s, "change_incident", c.ChangeIncident,
		s.here(object{"incident_id": first, "body": object{"data_object": change}}),
		object{"data": object{"id": first, "version": 2, "data_object": merged(answered, change)}})
	closing := object{"handle_status": "Closed", "close_reason": "Resolved", "close_comment": "done"}
	called(s, "change_incident", c.ChangeIncident,
		s.here(object{"incident_id": first, "body": object{"data_object": closing}}),
		object{"data": object{"data_object": merged(closing, object{"close_time": present})}})

	labels := object{"labels": "batch"}
	called(s, "change_incidents", c.ChangeIncidents,
		s.body(object{"batch_ids": list{first, second}, "data_object": labels}),
		object{"data": object{"data_object": labels}})
	for _, id := range []any{first, second} {
		called(s, "show_incident", c.ShowIncident, s.here(object{"incident_id": id}),
			object{"data": object{"id": id, "data_object": labels}})
	}

	called(s, "delete_incident", c.DeleteIncident, s.body(object{"batch_ids": list{first, unknownID}}), split(first))
	called(s, "delete_incidents", c.DeleteIncidents, s.body(object{"batch_ids": list{second, unknownID}}), split(second))
	refused(s, "show_incident", c.ShowIncident, showFirst, "SecMaster.20030005")
	refused(s, "create_incident", c.CreateIncident, s.body(object{"data_object": object{"severity": "Worst"}}),
		"SecMaster.20041504")
}

func conversion(s *sweep) {
	c := s.client
	first, second := s.alert("First"), s.alert("Second")
	ids := list{first, unknownID, second}
	order := object{"ids": ids, "incident_content": object{
		"title":         "Converted",
		"incident_type": object{"category": "DDoS attack", "incident_type": "DNS protocol attacks"},
	}}
	called(s, "create_batch_order_alerts", c.CreateBatchOrderAlerts, s.body(order),
		object{"data": object{"success_ids": list{first, second}, "error_ids": list{unknownID}}})
	found := called(s, "list_incidents", c.ListIncidents, s.body(search(10, 0, "title", "=", "Converted")),
		object{"total": 1, "data": list{s.detail("Incident", object{
			"title": "Converted", "handle_status": "Open",
			"incident_type": object{"category": "DDoS attack", "incident_type": "DNS protocol attacks"},
		})}})
	incident := at(found, "data.0.id")
	called(s, "list_alerts", c.ListAlerts, s.body(search(10, 0, "title", "=", "First")),
		object{"data": list{object{"data_object": object{"handle_status": "Closed", "incident_list": list{incident}}}}})
	called(s, "create_batch_order_alerts", c.CreateBatchOrderAlerts, s.body(order),
		object{"data": object{"success_ids": list{}, "error_ids": ids}})
	refused(s, "create_batch_order_alerts", c.CreateBatchOrderAlerts, s.body(object{"ids": list{}}), "SecMaster.20041804")
	called(s, "delete_alert", c.DeleteAlert, s.body(object{"batch_ids": list{first, second}}), object{})
	called(s, "delete_incident", c.DeleteIncident, s.body(object{"batch_ids": list{incident}}), object{})
}

func relations(s *sweep) {
	c := s.client
	incident, first, second := s.incident("Main"), s.alert("First"), s.alert("Second")
	alertsOf := func(incident any) object {
		return object{"dataclass_type": "incidents", "data_object_id": incident, "related_dataclass_type": "alerts"}
	}
	incidentsOf := func(alert any) object {
		return object{"dataclass_type": "alerts", "data_object_id": alert, "related_dataclass_type": "incidents"}
	}
	page := object{"limit": 10, "offset": 0, "sort_by": "create_time", "order": "ASC"}
	related := func(path object, ids ...any) {
		rows := list{}
		for _, id := range ids {
			rows = append(rows, object{"id": id, "workspace_id": s.workspaceID, "data_object": object{"id": id}})
		}
		called(s, "list_dataobject_relations", c.ListDataobjectRelations, s.here(merged(path, object{"body": page})),
			object{"total": len(ids), "size": 10, "page": 1, "data": rows})
	}
	result := func(success, failed list) object {
		return object{"request_id": present, "data": object{"success_ids": success, "error_ids": failed}}
	}

	related(alertsOf(incident))
	called(s, "create_dataobject_relation", c.CreateDataobjectRelation,
		s.here(merged(alertsOf(incident), object{"body": object{"ids": list{first, unknownID}}})),
		result(list{first}, list{unknownID}))
	related(alertsOf(incident), first)
	related(incidentsOf(first), incident)
	called(s, "batch_create_dataobject_relations", c.BatchCreateDataobjectRelations,
		s.here(object{"dataclass_type": "incidents", "related_dataclass_type": "alerts", "body": object{
			"dataobject_ids": list{incident}, "related_dataobject_ids": list{first, second},
		}}),
		result(list{first, second}, list{}))
	related(alertsOf(incident), first, second)
	called(s, "delete_dataobject_relation", c.DeleteDataobjectRelation,
		s.here(merged(alertsOf(incident), object{"body": object{"ids": list{first}}})), result(list{first}, list{}))
	related(alertsOf(incident), second)
	related(incidentsOf(first))
	refused(s, "create_dataobject_relation", c.CreateDataobjectRelation,
		s.here(merged(alertsOf(unknownID), object{"body": object{"ids": list{first}}})), "SecMaster.20030005")
	refused(s, "create_dataobject_relation", c.CreateDataobjectRelation,
		s.here(merged(alertsOf(incident), object{"body": object{"ids": list{}}})), "SecMaster.20041033")
	called(s, "delete_alert", c.DeleteAlert, s.body(object{"batch_ids": list{first, second}}), object{})
	called(s, "delete_incident", c.DeleteIncident, s.body(object{"batch_ids": list{incident}}), object{})
}

func notes(s *sweep) {
	c := s.client
	incident := s.incident("Discussed")
	note := func(content string) any {
		held := called(s, "create_note", c.CreateNote,
			s.body(object{"war_room_id": incident, "type": "textMessage", "note_type": "note", "content": content}),
			object{"data": object{
				"id": present, "war_room_id": incident, "type": "textMessage", "note_type": "note",
				"data": object{"content": content}, "marked_note": true, "is_deleted": false,
				"user": object{"id": present, "name": present}, "create_time": present, "update_time": present,
				"project_id": s.projectID, "workspace_id": s.workspaceID,
			}})
		return at(held, "data.id")
	}
	first, second := note("isolated the host"), note("<b>called</b> the owner & é")
	of := func(offset int) object {
		return object{
			"limit": 100, "offset": offset, "sort_by": "create_time", "order": "ASC", "war_room_id": incident,
		}
	}
	called(s, "list_notes", c.ListNotes, s.body(of(0)), object{"total": 2, "size": 100, "page": 1, "data": list{
		object{"id": first, "data": object{"content": "isolated the host"}},
		object{"id": second, "data": object{"content": "<b>called</b> the owner & é"}},
	}})
	called(s, "list_notes", c.ListNotes, s.body(of(2)), object{"total": 2, "data": list{}})
	called(s, "delete_notes", c.DeleteNotes, s.body(object{"batch_ids": list{first, unknownID}}), split(first))
	called(s, "list_notes", c.ListNotes, s.body(of(0)), object{"total": 1, "data": list{object{"id": second}}})
	called(s, "delete_incident", c.DeleteIncident, s.body(object{"batch_ids": list{incident}}), object{})
}

func indicators(s *sweep) {
	c := s.client
	sent := object{
		"name": "bad host", "value": "198.51.100.7", "verdict": "Black", "confidence": 90, "status": "Open",
		"labels": "edge", "granular_marking": "1", "defanged": false,
		"first_report_time": "2026-03-01T08:00:00.000Z+0800", "last_report_time": "2026-03-02T08:00:00.000Z+0800",
		"indicator_type": object{"indicator_type": "ipv4", "id": "0f1e2d3c4b5a69788796a5b4c3d2e1f0"},
		"data_source": object{
			"source_type": 1, "domain_id": s.projectID, "project_id": s.projectID, "region_id": "region-1",
			"product_name": "SecMaster", "product_feature": "SecMaster",
		},
		"environment": object{
			"vendor_type": "HWC", "domain_id": s.projectID, "project_id": s.projectID, "region_id": "region-1",
		},
		"workspace_id": s.workspaceID, "project_id": s.projectID,
	}
	answered := merged(sent, object{
		"id": present, "granular_marking": 1, "create_time": present, "update_time": present,
		"first_report_time": "2026-03-01T08:00:00.000+08:00", "last_report_time": "2026-03-02T08:00:00.000+08:00",
	})
	created := called(s, "create_indicator", c.CreateIndicator, s.body(object{"data_object": sent}), object{
		"data": object{
			"id": present, "name": "bad host", "project_id": s.projectID, "workspace_id": s.workspaceID,
			"create_time": present, "update_time": present, "dataclass_ref": object{"id": present, "name": present},
			"data_object": answered,
		},
	})
	id := at(created, "data.id")
	show := s.here(object{"indicator_id": id})
	called(s, "show_indicator_detail", c.ShowIndicatorDetail, show, object{"data": created["data"]})
	called(s, "list_indicators", c.ListIndicators,
		s.body(merged(search(10, 0, "verdict", "=", "Black"), object{"sort_by": "create_time"})),
		object{"total": 1, "size": 10, "page": 1, "data": list{object{"id": id, "data_object": answered}}})
	called(s, "list_indicators", c.ListIndicators,
		s.body(object{"ids": list{unknownID}, "condition": object{}, "limit": 10, "offset": 0}),
		object{"total": 0, "data": list{}})
	change := object{"verdict": "White", "confidence": 95, "granular_marking": 2, "status": "Closed"}
	called(s, "update_indicator", c.UpdateIndicator,
		s.here(object{"indicator_id": id, "body": object{"data_object": change}}),
		object{"data": object{"id": id, "name": "bad host", "data_object": merged(answered, change)}})

	alert := s.alert("Matched")
	called(s, "create_dataobject_relation", c.CreateDataobjectRelation, s.here(object{
		"dataclass_type": "alerts", "data_object_id": alert, "related_dataclass_type": "indicators",
		"body": object{"ids": list{id}},
	}), split(id, list{}))
	called(s, "list_alerts", c.ListAlerts, s.body(search(10, 0, "title", "=", "Matched")),
		object{"data": list{object{"data_object": object{"indicator_list": list{id}}}}})

	called(s, "delete_indicator", c.DeleteIndicator, s.body(object{"batch_ids": list{id, unknownID}}), split(id))
	refused(s, "show_indicator_detail", c.ShowIndicatorDetail, show, "SecMaster.20030005")
	called(s, "delete_alert", c.DeleteAlert, s.body(object{"batch_ids": list{alert}}), object{})
}

func (s *sweep) alert(title string) any {
	held := called(s, "create_alert", s.client.CreateAlert, s.body(object{"data_object": object{"title": title}}),
		object{"data": s.detail("Alert", object{"title": title, "handle_status": "Open"})})
	return at(held, "data.id")
}

func (s *sweep) incident(title string) any {
	held := called(s, "create_incident", s.client.CreateIncident, s.body(object{"data_object": object{"title": title}}),
		object{"data": s.detail("Incident", object{"title": title, "handle_status": "Open"})})
	return at(held, "data.id")
}

func search(limit, offset int, condition ...string) object {
	return object{"limit": limit, "offset": offset, "condition": object{
		"conditions": list{object{"name": "c", "data": condition}}, "logics": list{"c"},
	}}
}

// split is the answer to a request about this id and the unknown one, unless other failed ids are given.
func split(success any, failed ...list) object {
	if len(failed) == 0 {
		failed = []list{{unknownID}}
	}
	return object{"data": object{"success_ids": list{success}, "error_ids": failed[0]}}
}
