{{/* In a template of its own, so that tests can read it. */}}
{{- define "cdf-relay.notes" -}}
{{- $name := include "cdf-relay.fullname" . -}}
{{- $kubectl := printf "kubectl --namespace %s" .Release.Namespace -}}
{{- $port := include "cdf-relay.port" . -}}
{{- $brokers := dig "kafka" "brokers" list .Values.config -}}
{{- $partitions := dig "relay" "checkpointPartitions" 32 .Values.config -}}
{{ $name }} relays as the config in ConfigMap {{ include "cdf-relay.configMap" . }} says.

Is it running? It is ready once it is a member of its group in Kafka:
  {{ $kubectl }} rollout status deployment/{{ $name }}

Every feed, with state, version, what it waits for and what to do:
  {{ $kubectl }} exec deployment/{{ $name }} -- node src/main.ts status -c /etc/cdf-relay/relay.yaml

Its log, with a reason and a remedy for every feed that waits for somebody:
  {{ $kubectl }} logs deployment/{{ $name }}

Status page and metrics:
  {{ $kubectl }} port-forward deployment/{{ $name }} {{ $port }}
  http://127.0.0.1:{{ $port }}/ and http://127.0.0.1:{{ $port }}/metrics

Consumers must read with isolation.level=read_committed, or they see what was taken back.
{{- $warnings := list -}}
{{- if eq (int .Values.replicaCount) 1 -}}
{{- $warnings = append $warnings "replicaCount is 1: when its node is lost, feeds stand still until Kubernetes has started another pod." -}}
{{- end -}}
{{- if gt (int .Values.replicaCount) (int $partitions) -}}
{{- $warnings = append $warnings (printf "replicaCount is %d, and config.relay.checkpointPartitions is %d: the others stand by." (int .Values.replicaCount) (int $partitions)) -}}
{{- end -}}
{{- if and $brokers (eq (len (ternary (splitList "," (toString $brokers)) $brokers (kindIs "string" $brokers))) 1) -}}
{{- $warnings = append $warnings "config.kafka.brokers names one address: unless several brokers answer there, the relay cannot start while that one is down." -}}
{{- end -}}
{{- if eq (dig "kafka" "topics" "replicationFactor" -1 .Values.config | int) 1 -}}
{{- $warnings = append $warnings "config.kafka.topics.replicationFactor is 1: exactly once holds only as long as no broker loses its disk." -}}
{{- end -}}
{{- if and (dig "kafka" "sasl" nil .Values.config) (not (dig "kafka" "tls" nil .Values.config)) -}}
{{- $warnings = append $warnings "config.kafka.sasl is used without config.kafka.tls: whoever is on the network between can read along." -}}
{{- end -}}
{{- if and (not .Values.existingConfigMap) (not (dig "http" "adminToken" nil .Values.config)) -}}
{{- $warnings = append $warnings "config.http.adminToken is not set: feeds can be watched, but not paused, resumed or restarted." -}}
{{- end -}}
{{- if not (or .Values.serviceMonitor.enabled .Values.podMonitor.enabled .Values.metrics.annotations) -}}
{{- $warnings = append $warnings "serviceMonitor, podMonitor and metrics.annotations are off: unless something else scrapes its metrics, nobody is told of a parked feed." -}}
{{- else if not .Values.prometheusRule.enabled -}}
{{- $warnings = append $warnings "prometheusRule is off: unless the alerts of files/rules.yaml are set elsewhere, nobody is told of a parked feed." -}}
{{- end -}}
{{- if .Values.secrets.env -}}
{{- $warnings = append $warnings "secrets.env is used: a changed Secret arrives with the next start of the pod; files under /secrets are read again." -}}
{{- end -}}
{{- if .Values.existingConfigMap -}}
{{- $warnings = append $warnings (printf "existingConfigMap is used: after a change of it, `%s rollout restart deployment/%s`." $kubectl $name) -}}
{{- end -}}
{{- if or .Values.ingress.enabled (ne .Values.service.type "ClusterIP") -}}
{{- $warnings = append $warnings "the status page can be reached from outside of the cluster, and asks nobody who they are." -}}
{{- end -}}
{{- if $warnings }}

Mind:
{{- range $warnings }}
  - {{ . }}
{{- end }}
{{- end }}
{{- end -}}
