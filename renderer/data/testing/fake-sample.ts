export const sampleYaml = `# The sample stack: settings, five replicas with probes and limits, and a load-balanced entry.
apiVersion: v1
kind: ConfigMap
metadata:
  name: welcome-config
data:
  APP_NAME: hello
  LOG_LEVEL: info
---
apiVersion: apps/v1
kind: Deployment
metadata:
  name: welcome
  labels:
    app: welcome
spec:
  replicas: 5
  selector:
    matchLabels:
      app: welcome
  template:
    metadata:
      labels:
        app: welcome
    spec:
      containers:
        - name: welcome
          image: wheelhouse/hello:v1
          ports:
            - name: http
              containerPort: 8000
---
apiVersion: v1
kind: Service
metadata:
  name: welcome
spec:
  type: LoadBalancer
  selector:
    app: welcome
  ports:
    - name: http
      port: 8080
      targetPort: http
`
