package main

func types(s *sweep) {
	c := s.client
	of := func(code string) any {
		held := called(s, "list_dataclass", c.ListDataclass, s.here(object{"offset": 0, "limit": 10, "business_code": code}),
			object{"total": 1, "dataclass_details": list{object{
				"id": present, "name": code, "business_code": code, "is_built_in": true,
				"project_id": s.projectID, "workspace_id": s.workspaceID, "create_time": present, "update_time": present,
			}}})
		return at(held, "dataclass_details.0.id")
	}
	alertClass := of("Alert")
	of("Incident")
	of("Indicator")
	class := object{"dataclass_id": alertClass}
	called(s, "show_data_class_info", c.ShowDataClassInfo, s.here(class),
		object{"id": alertClass, "name": "Alert", "business_code": "Alert", "workspace_id": s.workspaceID})

	title := object{
		"id": present, "field_key": "title", "name": present, "dataclass_name": "Alert", "is_built_in": true,
		"field_type": present,
	}
	called(s, "list_dataclass_fields", c.ListDataclassFields,
		s.here(merged(class, object{"offset": 0, "limit": 100, "name": "title"})),
		object{"total": 1, "field_details": list{title}})
	called(s, "list_dataclass_fields", c.ListDataclassFields,
		s.here(merged(class, object{"offset": 1, "limit": 2, "is_built_in": true})),
		object{"total": present, "field_details": list{object{"field_key": present}, object{"field_key": present}}})

	sent := object{
		"category": "DDoS attack", "category_code": "DDoS", "sub_category": "Sweep of types",
		"sub_category_code": "SweepOfTypes", "description": "Made by a test", "enabled": true, "sla": 15634800000,
	}
	created := called(s, "create_dataclass_type", c.CreateDataclassType, s.here(merged(class, object{"body": sent})),
		merged(sent, object{
			"id": present, "dataclass_id": alertClass, "project_id": s.projectID, "workspace_id": s.workspaceID,
			"is_built_in": false, "create_time": present, "update_time": present,
		}))
	ids := list{created["id"]}
	for _, enable := range []bool{false, true} {
		called(s, "enable_dataclass_type", c.EnableDataclassType,
			s.here(merged(class, object{"body": object{"enable": enable, "ids": ids}})), object{})
	}
	for _, really := range []bool{false, true} {
		called(s, "delete_dataclass_type", c.DeleteDataclassType,
			s.here(merged(class, object{"body": object{"is_delete": really, "ids": ids}})), object{"body": list{}})
	}
	refused(s, "create_dataclass_type", c.CreateDataclassType,
		s.here(merged(class, object{"body": object{"enabled": true, "sla": 0}})), "SecMaster.20011001")
}

func workspaces(s *sweep) {
	c := s.client
	sent := object{
		"name": "sweep", "description": "Made by a test", "region_id": "cn-north-4", "project_name": "cn-north-4",
		"enterprise_project_id": "0", "enterprise_project_name": "default", "is_view": false,
	}
	answered := merged(sent, object{
		"id": present, "project_id": s.projectID, "domain_id": present, "domain_name": present,
		"creator_id": present, "creator_name": present, "modifier_id": present, "modifier_name": present,
		"create_time": present, "update_time": present, "workspace_agency_list": list{},
	})
	tagged := merged(sent, object{"tags": list{object{"key": "team", "value": "red"}}})
	created := called(s, "create_workspace", c.CreateWorkspace, object{"body": tagged}, answered)
	there := object{"workspace_id": created["id"]}

	called(s, "list_workspaces", c.ListWorkspaces, object{"offset": 0, "limit": 10, "name": "sweep"},
		object{"count": 1, "workspaces": list{merged(answered, object{"id": created["id"]})}})
	called(s, "show_workspace", c.ShowWorkspace, there,
		object{"workspace": merged(answered, object{"id": created["id"]})})
	change := object{"name": "sweep-2", "description": "Changed"}
	changed := merged(answered, change, object{"id": created["id"]})
	called(s, "update_workspace", c.UpdateWorkspace, merged(there, object{"body": change}), changed)
	called(s, "show_workspace", c.ShowWorkspace, there, object{"workspace": changed})
	called(s, "delete_workspace", c.DeleteWorkspace, merged(there, object{"permanent_delete": true}), object{})
	refused(s, "show_workspace", c.ShowWorkspace, there, "SecMaster.20011003")
	refused(s, "create_workspace", c.CreateWorkspace, object{"body": merged(sent, object{"name": ""})},
		"SecMaster.20011001")
}
