/** Starting points for something new, by the address of their kind. Small, complete and valid on any cluster. */
export interface Template {
  id: string
  title: string
  yaml: string
}

const object = (apiVersion: string, kind: string, name: string, body: string): string =>
  `apiVersion: ${apiVersion}\nkind: ${kind}\nmetadata:\n  name: ${name}\n${body}`

const deployment = object(
  'apps/v1',
  'Deployment',
  'web',
  `spec:
  replicas: 2
  selector:
    matchLabels:
      app: web
  template:
    metadata:
      labels:
        app: web
    spec:
      containers:
        - name: web
          image: wheelhouse/hello:v1
          ports:
            - containerPort: 8000
          # A pod gets traffic once this answers.
          readinessProbe:
            httpGet:
              path: /readyz
              port: 8000
          resources:
            requests:
              cpu: 50m
              memory: 64Mi
`,
)
const service = object(
  'v1',
  'Service',
  'web',
  `spec:
  selector:
    app: web
  ports:
    - port: 80
      targetPort: 8000
`,
)

export const templates: readonly Template[] = [
  { id: 'deployments.apps', title: 'Deployment and Service', yaml: `${deployment}---\n${service}` },
  {
    id: 'pods',
    title: 'Pod',
    yaml: object(
      'v1',
      'Pod',
      'web',
      `  labels:
    app: web
spec:
  containers:
    - name: web
      image: wheelhouse/hello:v1
      ports:
        - containerPort: 8000
`,
    ),
  },
  { id: 'services', title: 'Service', yaml: service },
  { id: 'configmaps', title: 'ConfigMap', yaml: object('v1', 'ConfigMap', 'settings', 'data:\n  LOG_LEVEL: info\n') },
  {
    id: 'secrets',
    title: 'Secret',
    yaml: object(
      'v1',
      'Secret',
      'credentials',
      `type: Opaque
# Plain text here; the server keeps it encoded.
stringData:
  username: admin
  password: change-me
`,
    ),
  },
  { id: 'namespaces', title: 'Namespace', yaml: 'apiVersion: v1\nkind: Namespace\nmetadata:\n  name: team-a\n' },
]

export const templateFor = (id: string): Template | undefined => templates.find((template) => template.id === id)
